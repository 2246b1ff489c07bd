/** Corner that changes a node's size; the document hears of it when the pointer lets go. */
import { useStoreApi } from '@xyflow/react'
import { useRef, type PointerEvent } from 'react'
import { useEditor } from '@/canvas/editor'
import { TITLE_HEIGHT } from '@/definitions/layout'
import type { NodeLayout } from '@/definitions/types'

export function ResizeGrip({ id, layout }: { id: string; layout: NodeLayout }) {
  const editor = useEditor()
  const flow = useStoreApi()
  const start = useRef<{ x: number; y: number; width: number; height: number } | null>(null)

  const size = (event: PointerEvent) => {
    const from = start.current
    if (!from) return null
    const zoom = flow.getState().transform[2]
    const width = Math.max(layout.minWidth, Math.round(from.width + (event.clientX - from.x) / zoom))
    const height = Math.max(layout.minHeight, Math.round(from.height + (event.clientY - from.y) / zoom))
    return [width, height - TITLE_HEIGHT] as const
  }

  return (
    <div
      className="node-grip nodrag nopan"
      data-testid={`resize-${id}`}
      aria-hidden="true"
      onPointerDown={(event) => {
        if (event.button !== 0) return
        event.stopPropagation()
        event.currentTarget.setPointerCapture(event.pointerId)
        start.current = { x: event.clientX, y: event.clientY, width: layout.width, height: layout.height }
      }}
      onPointerMove={(event) => {
        const wanted = size(event)
        if (wanted) editor.canvas.previewSize(id, wanted)
      }}
      onPointerUp={(event) => {
        const from = start.current
        const wanted = size(event)
        start.current = null
        editor.canvas.previewSize(id, null)
        // Not `layout`: that is the size shown while dragging.
        if (from && wanted && (wanted[0] !== from.width || wanted[1] !== from.height - TITLE_HEIGHT)) {
          editor.document.setSize(id, wanted)
        }
      }}
    />
  )
}

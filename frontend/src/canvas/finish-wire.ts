/** What happens where a dragged wire is let go; the canvas hands it to React Flow through {@link useWiring}. */
import type { Connection, OnConnectEnd } from '@xyflow/react'
import { useMemo } from 'react'
import { toast } from 'sonner'
import type { WireEdge } from '@/canvas/edge'
import type { Editor } from '@/canvas/editor'
import { useWire, type DraggedWire } from '@/canvas/wire'
import { parseHandle } from '@/definitions/handles'
import type { ConnectionRequest } from '@/document/types'
import type { GraphLink, NodeId } from '@/graph/model'
import { t } from '@/i18n'
import { page } from '@/ui/page'

/** React Flow's callbacks about wires; the same ones while the editor is the same. */
export function useWiring(editor: Editor) {
  return useMemo(() => ({ isValidConnection: validity(editor), onConnectEnd: ending(editor) }), [editor])
}

/** A wire that was picked up may go back to where it was. */
function validity({ document }: Editor) {
  return (connection: Connection | WireEdge): boolean => {
    const request = requestOf(connection)
    const moved = useWire.getState().wire?.moved
    if (request && moved && sameEnds(request, moved)) return true
    return request !== null && document.checkConnection(request).ok
  }
}

function ending(editor: Editor): OnConnectEnd {
  return (event, connection) => {
    const { wire } = useWire.getState()
    if (!wire) return
    const at = 'changedTouches' in event ? event.changedTouches[0] : event
    if (!at) return
    const target = globalThis.document.elementFromPoint(at.clientX, at.clientY)
    const handle = connection.toHandle
    const end = handle?.id ? { node: handle.nodeId, handle: handle.id } : null
    finishWire(editor, wire, end, target, { x: at.clientX, y: at.clientY })
  }
}

type Ends = Pick<Connection, 'source' | 'sourceHandle' | 'target' | 'targetHandle'>

function requestOf(ends: Ends | { [K in keyof Ends]?: string | null }): ConnectionRequest | null {
  const source = parseHandle(ends.source ?? '', ends.sourceHandle ?? '')
  const target = parseHandle(ends.target ?? '', ends.targetHandle ?? '')
  if (source?.side !== 'output' || target?.side !== 'input') return null
  return { source: source.node, sourceSlot: source.slot, target: target.node, targetInput: target.input }
}

function sameEnds(request: ConnectionRequest, link: GraphLink): boolean {
  return (
    request.source === link.source &&
    request.sourceSlot === link.sourceSlot &&
    request.target === link.target &&
    request.targetInput === link.targetInput
  )
}

type End = { readonly node: NodeId; readonly handle: string }

/** What happens where a wire is let go: connect, pick a slot of the node under it, detach, search, or refuse with a reason. */
function finishWire(
  editor: Editor,
  wire: DraggedWire,
  end: End | null,
  under: Element | null,
  at: { x: number; y: number },
): void {
  const { document } = editor
  const node = under?.closest<HTMLElement>('.react-flow__node')?.dataset.id
  const to = end ?? (node && node !== wire.node ? bestHandle(editor, wire, node) : null)
  if (to) return join(editor, wire, to)
  if (node) {
    if (node !== wire.node) toast(t('connect.noSlot', { type: wire.type }))
    return
  }
  if (wire.moved) return document.removeLinks([wire.moved.id])
  if (!under?.closest('.react-flow')) return
  page.openSearch({ ...at, from: { node: wire.node, handle: wire.handle, type: wire.type } })
}

/** The first handle of a node that the wire may enter; free ones before connected ones. */
function bestHandle(editor: Editor, wire: DraggedWire, node: NodeId): End | null {
  const { document, canvas } = editor
  const shown = canvas.store.getState().nodes.find((entry) => entry.id === node)
  const from = parseHandle(wire.node, wire.handle)
  if (!shown || !from) return null
  const check = document.connectionChecker(from)
  const fitting = shown.data.layout.handles.filter((handle) => {
    const to = parseHandle(node, handle.id)
    return to !== null && check(to).ok
  })
  const chosen = fitting.find((handle) => !shown.data.linked.has(handle.id) && !handle.onWidget) ?? fitting[0]
  return chosen ? { node, handle: chosen.id } : null
}

function join(editor: Editor, wire: DraggedWire, to: End): void {
  const { document } = editor
  const ends =
    wire.side === 'output'
      ? { source: wire.node, sourceHandle: wire.handle, target: to.node, targetHandle: to.handle }
      : { source: to.node, sourceHandle: to.handle, target: wire.node, targetHandle: wire.handle }
  const request = requestOf(ends)
  if (!request) {
    toast(t('connect.sameSide'))
    return
  }
  const { moved } = wire
  if (moved && sameEnds(request, moved)) return
  const verdict = document.transact(t('step.connect'), () => {
    if (!moved) return document.connect(request)
    const checked = document.checkConnection(request)
    if (checked.ok) {
      document.removeLinks([moved.id])
      document.connect(request)
    }
    return checked
  })
  if (!verdict.ok) toast(verdict.reason)
}

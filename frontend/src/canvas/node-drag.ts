/** What happens when dragged nodes are let go: they have moved, or with Alt copies of them are there. Used by flow.tsx. */
import type { OnNodeDrag } from '@xyflow/react'
import { useMemo } from 'react'
import type { Editor } from '@/canvas/editor'
import type { FlowNode } from '@/canvas/projection'
import { TITLE_HEIGHT } from '@/definitions/layout'
import type { NodeId, Point } from '@/graph/model'

/** React Flow's callbacks about dragged nodes; the same ones while the editor is the same. */
export function useNodeDrag(editor: Editor) {
  return useMemo(() => callbacks(editor), [editor])
}

function callbacks(editor: Editor) {
  let copying = false
  const dropped = (dragged: readonly FlowNode[]) => {
    const moves = dragged.map((node) => [node.id, bodyOf(node)] as const)
    if (copying) copyInstead(editor, moves)
    else editor.document.moveNodes(moves)
    copying = false
  }
  const onNodeDragStart: OnNodeDrag<FlowNode> = (event) => {
    copying = event.altKey
  }
  const onNodeDragStop: OnNodeDrag<FlowNode> = (_event, _node, dragged) => dropped(dragged)
  const onSelectionDragStop = (_event: unknown, dragged: FlowNode[]) => dropped(dragged)
  return { onNodeDragStart, onNodeDragStop, onSelectionDragStop }
}

function bodyOf(node: FlowNode): Point {
  return [Math.round(node.position.x), Math.round(node.position.y + TITLE_HEIGHT)]
}

/** Alt-drag: the nodes stay where they were, copies of them are where the pointer let go. */
function copyInstead(editor: Editor, moves: readonly (readonly [NodeId, Point])[]): void {
  const { canvas, document } = editor
  const [first] = moves
  const from = first && document.getNode(first[0])?.pos
  if (!first || !from) return
  const offset: Point = [first[1][0] - from[0], first[1][1] - from[1]]
  const copies = document.duplicate(
    moves.map(([id]) => id),
    offset,
  )
  canvas.putBack(moves.map(([id]) => id))
  canvas.select(copies)
}

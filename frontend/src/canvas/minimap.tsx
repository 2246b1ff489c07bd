/** The whole graph in a corner; drag in it to move around. */
import { MiniMap } from '@xyflow/react'
import type { FlowNode } from '@/canvas/projection'
import { titleTint } from '@/ui/slot-colour'

const colourOf = ({ data: { definition, view } }: FlowNode): string =>
  view.color ?? titleTint(definition.category, definition.outputNode, definition.origin === 'placeholder')

export default function Minimap() {
  return (
    <MiniMap<FlowNode>
      pannable
      zoomable
      nodeColor={colourOf}
      nodeStrokeColor="var(--control-border)"
      nodeStrokeWidth={6}
      nodeBorderRadius={12}
      position="bottom-right"
    />
  )
}

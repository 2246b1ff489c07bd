/** The wire that keys are about to make: dashed, from the chosen slot to the one that is aimed at. */
import { getBezierPath, Position, ViewportPortal } from '@xyflow/react'
import type { CSSProperties } from 'react'
import { useAim, type AimedSlot } from '@/canvas/aim'
import { useCanvas } from '@/canvas/editor'
import type { FlowNode } from '@/canvas/projection'
import { slotColour } from '@/ui/slot-colour'

export function AimedWire() {
  const { from, to } = useAim()
  const nodes = useCanvas((state) => state.nodes)
  const start = from && find(nodes, from)
  const end = to && find(nodes, to)
  if (!start || !end) return null
  const [source, target] = start.side === 'output' ? [start, end] : [end, start]
  const [path] = getBezierPath({
    sourceX: source.x,
    sourceY: source.y,
    sourcePosition: Position.Right,
    targetX: target.x,
    targetY: target.y,
    targetPosition: Position.Left,
  })
  return (
    <ViewportPortal>
      <svg className="wire-aim" aria-hidden="true" data-testid="aimed-wire">
        <path className="wire-drag" d={path} style={{ '--wire': slotColour(start.type) } as CSSProperties} />
      </svg>
    </ViewportPortal>
  )
}

function find(nodes: readonly FlowNode[], { node, handle }: AimedSlot) {
  const shown = nodes.find((entry) => entry.id === node)
  const slot = shown?.data.layout.handles.find((entry) => entry.id === handle)
  if (!shown || !slot) return null
  return { ...slot, x: shown.position.x + slot.x, y: shown.position.y + slot.y }
}

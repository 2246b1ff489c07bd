/** A wire: one path in the colour of its source type, and a wider invisible one to hit. */
import { getBezierPath, useStore, type ConnectionLineComponentProps, type Edge, type EdgeProps } from '@xyflow/react'
import { memo, type CSSProperties } from 'react'
import { slotColour } from '@/ui/slot-colour'
import { useWire } from '@/canvas/wire'

export type WireEdge = Edge<{ type: string }, 'wire'>

export const Wire = memo(function Wire({
  id,
  source,
  target,
  sourceX,
  sourceY,
  targetX,
  targetY,
  sourcePosition,
  targetPosition,
  data,
}: EdgeProps<WireEdge>) {
  const hot = useStore((state) => {
    return state.nodeLookup.get(source)?.selected === true || state.nodeLookup.get(target)?.selected === true
  })
  const moved = useWire((state) => state.wire?.moved?.id === Number(id))
  if (moved) return null
  const [path] = getBezierPath({ sourceX, sourceY, targetX, targetY, sourcePosition, targetPosition })
  return (
    <g data-testid={`link-${id}`} style={{ '--wire': slotColour(data?.type ?? '*') } as CSSProperties}>
      <path className="wire-hit react-flow__edge-interaction" d={path} />
      <path className="wire react-flow__edge-path" d={path} data-hot={hot ? '' : undefined} />
    </g>
  )
})

/** The wire under the pointer while it is dragged. */
export function DraggedWireLine({
  fromX,
  fromY,
  toX,
  toY,
  fromPosition,
  toPosition,
  connectionStatus,
}: ConnectionLineComponentProps) {
  const type = useWire((state) => state.wire?.type ?? '*')
  const [path] = getBezierPath({
    sourceX: fromX,
    sourceY: fromY,
    sourcePosition: fromPosition,
    targetX: toX,
    targetY: toY,
    targetPosition: toPosition,
  })
  return (
    <path
      className="wire-drag"
      d={path}
      data-refused={connectionStatus === 'invalid' ? '' : undefined}
      style={{ '--wire': slotColour(type) } as CSSProperties}
    />
  )
}

/** A slot on a node's edge: filled when connected, ring when free, diamond when optional, double ring for lists. */
import { useStoreApi } from '@xyflow/react'
import { memo, type CSSProperties } from 'react'
import { useAim, type AimedSlot } from '@/canvas/aim'
import { useEditor } from '@/canvas/editor'
import { startWire } from '@/canvas/start-wire'
import { useWire, type DraggedWire } from '@/canvas/wire'
import type { HandleLayout } from '@/definitions/types'
import { typesMatch } from '@/graph/types-match'
import { t } from '@/i18n'
import { slotColour } from '@/ui/slot-colour'

export interface PinProps {
  readonly node: string
  readonly handle: HandleLayout
  readonly linked: boolean
  readonly list: boolean
}

export const Pin = memo(function Pin({ node, handle, linked, list }: PinProps) {
  const editor = useEditor()
  const flow = useStoreApi()
  const attitude = useWire((state) => attitudeTo(state.wire, node, handle))
  const aimed = useAim(({ from, to }) => isAt(from, node, handle) || isAt(to, node, handle))
  const input = handle.side === 'input'
  const name = t(input ? 'pin.input' : 'pin.output', { name: handle.label || handle.name || handle.type })
  const label = t(linked ? 'pin.linked' : 'pin.free', { name, type: handle.type })
  return (
    <div
      className={`pin nodrag nopan react-flow__handle connectable connectablestart connectableend ${input ? 'target' : 'source'}`}
      style={{ left: handle.x, top: handle.y, '--pin': slotColour(handle.type) } as CSSProperties}
      role="button"
      aria-label={label}
      title={handle.tooltip ? `${label}\n${handle.tooltip}` : label}
      data-testid={input ? `in-${node}-${handle.name}` : `out-${node}-${handle.index}`}
      data-handleid={handle.id}
      data-nodeid={node}
      data-handlepos={input ? 'left' : 'right'}
      data-id={`${flow.getState().rfId}-${node}-${handle.id}-${input ? 'target' : 'source'}`}
      data-linked={linked ? '' : undefined}
      data-optional={input && handle.optional && !handle.onWidget ? '' : undefined}
      data-widget={handle.onWidget ? '' : undefined}
      data-list={list ? '' : undefined}
      data-aimed={aimed ? '' : undefined}
      data-faded={attitude === 'faded' ? '' : undefined}
      data-welcome={attitude === 'welcome' ? '' : undefined}
      onPointerDown={(event) => startWire(event, flow, editor, node, handle)}
    />
  )
})

const isAt = (slot: AimedSlot | null, node: string, handle: HandleLayout): boolean =>
  slot?.node === node && slot.handle === handle.id

/** Whether the dragged wire could end here. */
function attitudeTo(wire: DraggedWire | null, node: string, handle: HandleLayout): 'none' | 'welcome' | 'faded' {
  if (!wire || (wire.node === node && wire.handle === handle.id)) return 'none'
  const fits = wire.side !== handle.side && wire.node !== node && typesMatch(wire.type, handle.type)
  return fits ? 'welcome' : 'faded'
}

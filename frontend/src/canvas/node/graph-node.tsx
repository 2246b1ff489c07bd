/** The one component for nodes of every class, drawn from its definition and layout. */
import type { NodeProps } from '@xyflow/react'
import { memo, type CSSProperties } from 'react'
import { useNodeRun, useRefusals } from '@/canvas/editor'
import { useLod } from '@/canvas/lod'
import { BoundRow } from '@/canvas/node/bound-row'
import { NodeDrawer, NodeMedia } from '@/canvas/node/node-media'
import { NodeProblems } from '@/canvas/node/node-problems'
import { NodeTitle } from '@/canvas/node/node-title'
import { Pin } from '@/canvas/node/pin'
import { ResizeGrip } from '@/canvas/node/resize-grip'
import type { FlowNode, FlowNodeData } from '@/canvas/projection'
import { inputHandle } from '@/definitions/handles'
import type { HandleLayout, NodeDefinition } from '@/definitions/types'
import { NodeMode } from '@/graph/model'
import { t } from '@/i18n'
import { titleTint } from '@/ui/slot-colour'

const MODES: Readonly<Record<number, string>> = { [NodeMode.mute]: 'mute', [NodeMode.bypass]: 'bypass' }

export const GraphNode = memo(function GraphNode({ id, data, selected }: NodeProps<FlowNode>) {
  const lod = useLod((state) => state.lod)
  const run = useNodeRun(id)
  const wrong = useRefusals(id).length > 0 || run.error !== null
  const { view, definition } = data
  const unknown = definition.origin === 'placeholder'
  const name = view.title ?? definition.displayName
  const shared = {
    'data-testid': `node-${id}`,
    'data-class': view.classType,
    'data-selected': selected ? '' : undefined,
    'data-mode': MODES[view.mode],
    'data-state': wrong ? 'error' : run.status,
    'data-unknown': unknown ? '' : undefined,
    style: { '--tint': tint(data, unknown), '--label-width': `${data.layout.labelWidth}px` } as CSSProperties,
  }
  if (lod > 0) {
    return (
      <div className="node-far" data-block={lod === 2 ? '' : undefined} aria-hidden="true" {...shared}>
        {lod === 1 ? <header>{name}</header> : null}
      </div>
    )
  }
  return (
    <article className="node" aria-label={name} data-collapsed={view.collapsed ? '' : undefined} {...shared}>
      <NodeTitle view={view} definition={definition} name={name} />
      {view.collapsed ? null : <Body id={id} data={data} unknown={unknown} />}
      {data.layout.handles.map((handle) => (
        <Pin
          key={handle.id}
          node={id}
          handle={handle}
          linked={data.linked.has(handle.id)}
          list={isList(definition, handle)}
        />
      ))}
      {wrong ? <NodeProblems id={id} definition={definition} /> : null}
    </article>
  )
})

function Body({ id, data, unknown }: { id: string; data: FlowNodeData; unknown: boolean }) {
  const { definition, layout, linked } = data
  return (
    <>
      {layout.handles.map((handle) =>
        handle.onWidget ? null : <SlotLabel key={handle.id} handle={handle} data={data} />,
      )}
      {layout.rows.map((row) => (
        <BoundRow
          key={row.widget.name}
          node={id}
          row={row}
          linked={row.widget.linkable && linked.has(inputHandle(row.widget.input))}
        />
      ))}
      {layout.media.height > 0 ? (
        <NodeMedia id={id} definition={definition} y={layout.media.y} height={layout.media.height} />
      ) : (
        <NodeDrawer id={id} />
      )}
      {unknown ? (
        <div className="node-problems" data-testid={`unknown-${id}`}>
          {t('node.unknown', { name: data.view.classType })}
        </div>
      ) : null}
      <ResizeGrip id={id} layout={layout} />
    </>
  )
}

function SlotLabel({ handle, data }: { handle: HandleLayout; data: FlowNodeData }) {
  return (
    <span
      className="slot-label"
      style={{ top: handle.y }}
      data-side={handle.side}
      data-optional={handle.optional ? '' : undefined}
      data-free={data.linked.has(handle.id) ? undefined : ''}
    >
      {handle.label}
    </span>
  )
}

function tint(data: FlowNodeData, unknown: boolean): string {
  return data.view.color ?? titleTint(data.definition.category, data.definition.outputNode, unknown)
}

function isList(definition: NodeDefinition, handle: HandleLayout): boolean {
  return handle.side === 'output' && definition.outputs[handle.index]?.isList === true
}

/** From document to React Flow: nodes and edges keep their identity until something that is drawn changes. */
import { Position, type Node, type NodeHandle } from '@xyflow/react'
import type { WireEdge } from '@/canvas/edge'
import { inputHandle, outputHandle } from '@/definitions/handles'
import { TITLE_HEIGHT } from '@/definitions/layout'
import type { NodeDefinition, NodeLayout } from '@/definitions/types'
import type { GraphLink, NodeId, NodeView } from '@/graph/model'

export interface FlowNodeData extends Record<string, unknown> {
  readonly view: NodeView
  readonly definition: NodeDefinition
  readonly layout: NodeLayout
  /** Ids of handles that carry a link. */
  readonly linked: ReadonlySet<string>
}

export type FlowNode = Node<FlowNodeData, 'graph'>

/** What the projection reads of the document. */
export interface ProjectionSource {
  readonly nodeIds: readonly NodeId[]
  readonly links: readonly GraphLink[]
  view(id: NodeId): NodeView | undefined
  definition(id: NodeId): NodeDefinition | undefined
  layout(id: NodeId): NodeLayout | undefined
}

const PIN = 10

function handlesOf(layout: NodeLayout): NodeHandle[] {
  return layout.handles.map((handle) => ({
    id: handle.id,
    type: handle.side === 'input' ? 'target' : 'source',
    position: handle.side === 'input' ? Position.Left : Position.Right,
    x: handle.x - PIN / 2,
    y: handle.y - PIN / 2,
    width: PIN,
    height: PIN,
  }))
}

const handleCache = new WeakMap<NodeLayout, NodeHandle[]>()

function cachedHandles(layout: NodeLayout): NodeHandle[] {
  let handles = handleCache.get(layout)
  if (!handles) handleCache.set(layout, (handles = handlesOf(layout)))
  return handles
}

const NO_LINKS: ReadonlySet<string> = new Set()

/** Ids of linked handles of every node. */
function linkedHandles(links: readonly GraphLink[]): Map<NodeId, Set<string>> {
  const linked = new Map<NodeId, Set<string>>()
  const add = (node: NodeId, handle: string) => {
    const known = linked.get(node)
    if (known) known.add(handle)
    else linked.set(node, new Set([handle]))
  }
  for (const link of links) {
    add(link.source, outputHandle(link.sourceSlot))
    add(link.target, inputHandle(link.targetInput))
  }
  return linked
}

function sameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  if (a.size !== b.size) return false
  for (const item of a) if (!b.has(item)) return false
  return true
}

/** The nodes as React Flow wants them; unchanged ones are the objects of `before`, with their selection. */
export function projectNodes(source: ProjectionSource, before: readonly FlowNode[]): FlowNode[] {
  const known = new Map(before.map((node) => [node.id, node]))
  const linkedBy = linkedHandles(source.links)
  return source.nodeIds.flatMap((id) => {
    const view = source.view(id)
    const definition = source.definition(id)
    const layout = source.layout(id)
    if (!view || !definition || !layout) return []
    const old = known.get(id)
    const now = linkedBy.get(id) ?? NO_LINKS
    const linked = old && sameSet(old.data.linked, now) ? old.data.linked : now
    const { data } = old ?? {}
    if (
      old &&
      data?.view === view &&
      data.definition === definition &&
      data.layout === layout &&
      data.linked === linked
    ) {
      return [old]
    }
    return [flowNode(id, { view, definition, layout, linked }, old)]
  })
}

function flowNode(id: NodeId, data: FlowNodeData, old: FlowNode | undefined): FlowNode {
  const { view, definition, layout } = data
  const moved = !old || old.data.view.pos !== view.pos
  return {
    ...old,
    id,
    type: 'graph',
    position: moved ? { x: view.pos[0], y: view.pos[1] - TITLE_HEIGHT } : old.position,
    width: layout.width,
    height: layout.height,
    measured: { width: layout.width, height: layout.height },
    handles: cachedHandles(layout),
    draggable: !view.pinned,
    ariaLabel: `${view.title ?? definition.displayName}, ${id}`,
    data,
  }
}

const edgeCache = new WeakMap<GraphLink, WireEdge>()

/** The links as edges; unchanged ones are the objects of `before`, with their selection. */
export function projectEdges(links: readonly GraphLink[], before: readonly WireEdge[]): WireEdge[] {
  const known = new Map(before.map((edge) => [edge.id, edge]))
  return links.map((link) => {
    let made = edgeCache.get(link)
    if (!made) {
      made = {
        id: String(link.id),
        type: 'wire',
        source: link.source,
        sourceHandle: outputHandle(link.sourceSlot),
        target: link.target,
        targetHandle: inputHandle(link.targetInput),
        data: { type: link.type },
      }
      edgeCache.set(link, made)
    }
    const old = known.get(made.id)
    return old?.selected && old.source === made.source && old.target === made.target
      ? { ...made, selected: true }
      : made
  })
}

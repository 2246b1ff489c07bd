/** The layout library behind its own door, so that it is loaded only when a graph has to be laid out; for layout.ts. */
import dagre from '@dagrejs/dagre'
import type { GraphLink, NodeId, Point } from './model'

/** What there is to place; plain data, so that a worker can be given it. */
export interface PlaceRequest {
  readonly links: readonly GraphLink[]
  /** Width and height of every node as drawn. */
  readonly boxes: ReadonlyMap<NodeId, readonly [number, number]>
  /** Room between columns, and between the nodes of a column. */
  readonly gapX: number
  readonly gapY: number
}

/** Top-left corners of all nodes, from left to right. About half a second for 1,000 nodes. */
export function placeWithDagre({ links, boxes, gapX, gapY }: PlaceRequest): Map<NodeId, Point> {
  const layout = new dagre.graphlib.Graph({ multigraph: true })
  layout.setGraph({ rankdir: 'LR', ranksep: gapX, nodesep: gapY })
  layout.setDefaultEdgeLabel(() => ({}))
  for (const [id, [width, height]] of boxes) layout.setNode(id, { width, height })
  for (const link of links) layout.setEdge(link.source, link.target, {}, String(link.id))
  dagre.layout(layout)
  return new Map(
    [...boxes].map(([id, [width, height]]) => {
      const { x, y } = layout.node(id) as { x: number; y: number }
      return [id, [x - width / 2, y - height / 2] as const]
    }),
  )
}

/** The layout library behind its own door, so that it is loaded only when a graph has to be laid out. */
import dagre from '@dagrejs/dagre'
import type { Graph, NodeId, Point } from './model'

/** Top-left corners of all nodes, from left to right. */
export function placeWithDagre(
  graph: Graph,
  boxes: ReadonlyMap<NodeId, readonly [number, number]>,
  gapX: number,
  gapY: number,
): Map<NodeId, Point> {
  const layout = new dagre.graphlib.Graph({ multigraph: true })
  layout.setGraph({ rankdir: 'LR', ranksep: gapX, nodesep: gapY })
  layout.setDefaultEdgeLabel(() => ({}))
  for (const { id } of graph.nodes) {
    const [width, height] = boxes.get(id) ?? [200, 100]
    layout.setNode(id, { width, height })
  }
  for (const link of graph.links) layout.setEdge(link.source, link.target, {}, String(link.id))
  dagre.layout(layout)
  return new Map(
    graph.nodes.map(({ id }) => {
      const { x, y, width, height } = layout.node(id) as { x: number; y: number; width: number; height: number }
      return [id, [x - width / 2, y - height / 2] as const]
    }),
  )
}

/** Places the nodes of a graph from left to right, for files without positions and for tidying up. */
import { definitionForNode } from '../definitions/for-node'
import { layoutNode, TITLE_HEIGHT } from '../definitions/layout'
import type { DefinitionSource } from '../definitions/types'
import type { Graph, NodeId, Point } from './model'
import { LinkIndex, readGraph } from './reader'
import { topologicalOrder } from './order'
import { placeAside } from './place-aside'

const GAP_X = 70
const GAP_Y = 50

/** Width and height of a node as drawn, title bar included. */
type Box = readonly [number, number]

/** The graph with new positions for all nodes. Uses the layout library, or the plain layers if that cannot be loaded. */
export async function layoutGraph(graph: Graph, definitions: DefinitionSource): Promise<Graph> {
  const boxes = measure(graph, definitions)
  try {
    return withPositions(graph, await placeAside({ links: graph.links, boxes, gapX: GAP_X, gapY: GAP_Y }))
  } catch {
    return withPositions(graph, placeInLayers(graph, boxes))
  }
}

/** Sizes of all nodes as drawn. */
export function measure(graph: Graph, definitions: DefinitionSource): Map<NodeId, Box> {
  const reader = readGraph(graph, definitions)
  return new Map(
    graph.nodes.map((node) => {
      const layout = layoutNode(definitionForNode(node, definitions, reader), node)
      return [node.id, [layout.width, layout.height] as const]
    }),
  )
}

/** Top-left corners (of the whole node) in columns by longest path; within a column in the order of their sources. */
export function placeInLayers(graph: Graph, boxes: ReadonlyMap<NodeId, Box>): Map<NodeId, Point> {
  const index = new LinkIndex(graph.links)
  const order = [...topologicalOrder(graph).keys()]
  const column = new Map<NodeId, number>()
  for (const id of order) {
    const before = index.into(id).map((link) => (column.get(link.source) ?? -1) + 1)
    column.set(id, Math.max(0, ...before))
  }
  const columns: NodeId[][] = []
  for (const id of order) (columns[column.get(id) ?? 0] ??= []).push(id)
  const places = new Map<NodeId, Point>()
  let x = 0
  for (const ids of columns) {
    const sorted = ids
      .map((id) => ({ id, pull: pullOf(index, id, places) }))
      .sort((a, b) => a.pull - b.pull)
      .map((entry) => entry.id)
    let y = 0
    for (const id of sorted) {
      places.set(id, [x, y])
      y += (boxes.get(id)?.[1] ?? 0) + GAP_Y
    }
    x += Math.max(0, ...ids.map((id) => boxes.get(id)?.[0] ?? 0)) + GAP_X
  }
  return places
}

function pullOf(index: LinkIndex, id: NodeId, places: ReadonlyMap<NodeId, Point>): number {
  const heights = index.into(id).flatMap((link) => places.get(link.source)?.[1] ?? [])
  return heights.length === 0 ? 0 : heights.reduce((sum, height) => sum + height, 0) / heights.length
}

/** Node positions name the corner of the body: one title bar below the corner of the whole node. */
function withPositions(graph: Graph, places: ReadonlyMap<NodeId, Point>): Graph {
  const nodes = graph.nodes.map((node) => {
    const [x, y] = places.get(node.id) ?? node.pos
    return { ...node, pos: [Math.round(x), Math.round(y) + TITLE_HEIGHT] as const }
  })
  return { ...graph, nodes }
}

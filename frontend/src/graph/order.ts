/** The order in which nodes can run. */
import type { Graph, NodeId } from './model'
import { LinkIndex } from './reader'

/** Rank of every node: sources first, otherwise in the graph's own order. Nodes in a circle come last. */
export function topologicalOrder(graph: Graph): Map<NodeId, number> {
  const index = new LinkIndex(graph.links)
  const waiting = new Map(graph.nodes.map((node) => [node.id, index.into(node.id).length]))
  const ready = graph.nodes.filter((node) => waiting.get(node.id) === 0).map((node) => node.id)
  const ranks = new Map<NodeId, number>()
  for (let at = 0; at < ready.length; at++) {
    const id = ready[at] as NodeId
    ranks.set(id, ranks.size)
    for (const { target } of index.from(id)) {
      const left = (waiting.get(target) ?? 0) - 1
      waiting.set(target, left)
      if (left === 0) ready.push(target)
    }
  }
  for (const { id } of graph.nodes) if (!ranks.has(id)) ranks.set(id, ranks.size)
  return ranks
}

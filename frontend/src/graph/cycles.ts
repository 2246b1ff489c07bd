/** Finds out whether a link would close a circle. */
import type { NodeId } from './model'
import type { GraphReader } from './reader'

/** All nodes that `start` depends on, itself included. */
export function ancestors(graph: GraphReader, start: NodeId): Set<NodeId> {
  const seen = new Set([start])
  const stack = [start]
  for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
    for (const link of graph.linksInto(id)) {
      if (seen.has(link.source)) continue
      seen.add(link.source)
      stack.push(link.source)
    }
  }
  return seen
}

/** True when `target` already feeds `source`, so that a link from `source` to `target` would close a circle. */
export function wouldClose(graph: GraphReader, source: NodeId, target: NodeId): boolean {
  return ancestors(graph, source).has(target)
}

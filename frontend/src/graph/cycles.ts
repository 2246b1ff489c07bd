/** Finds out whether a link would close a circle. */
import type { NodeId } from './model'
import type { GraphReader } from './reader'

/** All nodes that `start` depends on, itself included. */
export function ancestors(graph: GraphReader, start: NodeId): Set<NodeId> {
  return reached(start, (id) => graph.linksInto(id).map((link) => link.source))
}

/** All nodes that depend on `start`, itself included. */
export function descendants(graph: GraphReader, start: NodeId): Set<NodeId> {
  return reached(start, (id) => graph.linksFrom(id).map((link) => link.target))
}

function reached(start: NodeId, next: (id: NodeId) => readonly NodeId[]): Set<NodeId> {
  const seen = new Set([start])
  const stack = [start]
  for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
    for (const neighbour of next(id)) {
      if (seen.has(neighbour)) continue
      seen.add(neighbour)
      stack.push(neighbour)
    }
  }
  return seen
}

/** True when `target` already feeds `source`, so that a link from `source` to `target` would close a circle. */
export function wouldClose(graph: GraphReader, source: NodeId, target: NodeId): boolean {
  return ancestors(graph, source).has(target)
}

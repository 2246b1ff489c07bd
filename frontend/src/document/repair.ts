/** Keeps the graph whole after concurrent changes: no link without its nodes, no link id twice. */
import type * as Y from 'yjs'
import type { GraphLink } from '../graph/model'

/** A link as it is stored: `[id, source, source slot, target, target input, type]`. */
export type LinkTuple = readonly [number, string, number, string, string, string]

/** Key of the one link that may enter an input; two links into one input cannot exist. */
export const linkKey = (target: string, input: string): string => JSON.stringify([target, input])

/** The stored form of a link. */
export const toTuple = (link: GraphLink): LinkTuple => [
  link.id,
  link.source,
  link.sourceSlot,
  link.target,
  link.targetInput,
  link.type,
]

/** The plain form of a stored link. */
export const toLink = ([id, source, sourceSlot, target, targetInput, type]: LinkTuple): GraphLink => ({
  id,
  source,
  sourceSlot,
  target,
  targetInput,
  type,
})

/** One change that mends a graph: a new tuple for a link, or null to remove it. */
export type Mend = readonly [key: string, tuple: LinkTuple | null]

/**
 * What has to change so that the graph is whole again. Depends on the content alone, so that everyone who looks at the
 * same content decides the same.
 */
export function findMends(nodes: Y.Map<unknown>, links: Y.Map<unknown>): Mend[] {
  const mends: Mend[] = []
  const used = new Set<number>()
  const twice: [string, LinkTuple][] = []
  for (const key of [...links.keys()].sort()) {
    const tuple = links.get(key) as LinkTuple
    if (!nodes.has(tuple[1]) || !nodes.has(tuple[3])) mends.push([key, null])
    else if (used.has(tuple[0])) twice.push([key, tuple])
    else used.add(tuple[0])
  }
  let last = Math.max(0, ...used)
  for (const [key, tuple] of twice) mends.push([key, [++last, ...tuple.slice(1)] as unknown as LinkTuple])
  return mends
}

/** Decides whether a connection is allowed, and says why not. */
import type { ConnectionCheck, ConnectionRequest, RefusalCode } from './verdicts'
import { ancestors } from './cycles'
import type { NodeId } from './model'
import type { GraphReader } from './reader'
import { inputType, outputType } from './slot-types'
import { typesMatch } from './types-match'

const OK: ConnectionCheck = { ok: true }

const refuse = (code: RefusalCode, reason: string): ConnectionCheck => ({ ok: false, code, reason })

/**
 * Checks one connection. A link that already enters the input is no obstacle: the new one replaces it.
 * `knownAncestors` saves the walk over the graph when many targets of one source are checked.
 */
export function checkConnection(
  graph: GraphReader,
  request: ConnectionRequest,
  knownAncestors?: ReadonlySet<NodeId>,
): ConnectionCheck {
  const { source, sourceSlot, target, targetInput } = request
  if (!graph.getNode(source) || !graph.getNode(target)) {
    return refuse('missing-node', 'One of the two nodes is gone.')
  }
  if (source === target) return refuse('same-node', 'A node cannot feed itself.')
  const given = outputType(graph, source, sourceSlot)
  const wanted = inputType(graph, target, targetInput)
  if (given === null) return refuse('missing-slot', `${nameOf(graph, source)} has no output ${sourceSlot}.`)
  if (wanted === null) return refuse('missing-slot', `${nameOf(graph, target)} has no input "${targetInput}".`)
  if (!typesMatch(given, wanted)) {
    return refuse('type-mismatch', `"${targetInput}" takes ${wanted}, and this output gives ${given}.`)
  }
  const existing = graph.linkInto(target, targetInput)
  if (existing?.source === source && existing.sourceSlot === sourceSlot) {
    return refuse('already-connected', 'These two are connected already.')
  }
  if ((knownAncestors ?? ancestors(graph, source)).has(target)) {
    return refuse(
      'cycle',
      `${nameOf(graph, target)} already feeds ${nameOf(graph, source)}: this link would close a circle.`,
    )
  }
  return OK
}

/** Name of a node for people. */
export function nameOf(graph: GraphReader, id: NodeId): string {
  const node = graph.getNode(id)
  return node?.title ?? graph.definitionOf(id)?.displayName ?? node?.classType ?? id
}

/** Checks many ends for one dragged link without walking the graph for each; used by the document. */
import type { HandleRef } from '../definitions/handles'
import { checkConnection } from './connect'
import { ancestors, descendants } from './cycles'
import type { NodeId } from './model'
import type { GraphReader } from './reader'
import type { ConnectionCheck } from './verdicts'

const NOBODY: ReadonlySet<NodeId> = new Set()
const SAME_SIDE: ConnectionCheck = { ok: false, code: 'same-side', reason: 'Connect an output with an input.' }

/** A check of every other end for a link that begins at `from`; valid until the graph changes. */
export function connectionChecker(graph: GraphReader, from: HandleRef): (to: HandleRef) => ConnectionCheck {
  const before = from.side === 'output' ? ancestors(graph, from.node) : null
  const behind = from.side === 'input' ? descendants(graph, from.node) : null
  const itself = new Set([from.node])
  return (to) => {
    if (to.side === from.side) return SAME_SIDE
    const output = from.side === 'output' ? from : (to as HandleRef & { side: 'output' })
    const input = from.side === 'input' ? from : (to as HandleRef & { side: 'input' })
    const request = {
      source: output.node,
      sourceSlot: output.slot,
      target: input.node,
      targetInput: input.input,
    }
    return checkConnection(graph, request, before ?? (behind?.has(output.node) ? itself : NOBODY))
  }
}

/** Where an input's value really comes from: through reroutes and bypassed nodes, stopping at muted ones. */
import type { InputDef } from '../../definitions/types'
import { NodeMode, type Json, type NodeId } from '../model'
import type { GraphReader } from '../reader'
import { typesMatch } from '../types-match'

/** A node's output, or the value of a primitive. */
export type Source =
  | { readonly kind: 'output'; readonly node: NodeId; readonly slot: number }
  | { readonly kind: 'value'; readonly value: Json; readonly primitive: NodeId }

/** The walk came back to where it had been. */
export class SourceCycle extends Error {
  override readonly name = 'SourceCycle'

  constructor(readonly path: readonly NodeId[]) {
    super(`The links run in a circle: ${path.join(' -> ')}. Remove one of them.`)
  }
}

/** The source behind the link into an input, `null` when nothing comes. Throws {@link SourceCycle}. */
export function resolveSource(graph: GraphReader, target: NodeId, input: string): Source | null {
  const wanted = graph.definitionOf(target)?.inputs.find((entry) => entry.name === input)?.type ?? '*'
  const seen = new Set<string>()
  const path: NodeId[] = []
  let link = graph.linkInto(target, input)
  while (link) {
    const { source, sourceSlot } = link
    const step = `${source} ${sourceSlot}`
    path.push(source)
    if (seen.has(step)) throw new SourceCycle(path)
    seen.add(step)
    const node = graph.getNode(source)
    if (!node || node.mode === NodeMode.mute) return null
    if (node.mode === NodeMode.bypass) link = bypassed(graph, source, sourceSlot, wanted)
    else if (node.classType === 'Reroute') link = graph.linksInto(source)[0]
    else if (node.classType === 'PrimitiveNode') return primitive(graph, source)
    else return { kind: 'output', node: source, slot: sourceSlot }
  }
  return null
}

function primitive(graph: GraphReader, id: NodeId): Source | null {
  const value = graph.getWidget(id, 'value')
  return value === undefined ? null : { kind: 'value', value, primitive: id }
}

/** The link that a bypassed node passes on to one of its outputs. */
function bypassed(graph: GraphReader, id: NodeId, slot: number, wanted: string) {
  const definition = graph.definitionOf(id)
  const inputs = slotOrder(definition?.inputs ?? [])
  const chosen = passingInput(inputs, slot, definition?.outputs[slot]?.type ?? '*', wanted)
  return chosen && graph.linkInto(id, chosen.name)
}

/** Sockets first, then widgets: the order of slots on a live node. */
function slotOrder(inputs: readonly InputDef[]): InputDef[] {
  const sockets = inputs.filter((input) => input.kind === 'socket')
  return [...sockets, ...inputs.filter((input) => input.kind === 'widget' && input.widget?.linkable === true)]
}

/** The input that stands in for an output of a bypassed node. */
export function passingInput<T extends { readonly type: string }>(
  inputs: readonly T[],
  slot: number,
  outputType: string,
  wanted: string,
): T | undefined {
  const same = inputs[slot]
  if (wanted === '*' || wanted === '') return same ?? inputs[0]
  if (same && typesMatch(same.type, outputType) && typesMatch(same.type, wanted)) return same
  return inputs.find((input) => input.type === wanted) ?? inputs.find((input) => typesMatch(input.type, wanted))
}

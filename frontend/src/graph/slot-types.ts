/** Types of slots as they are in this graph: reroutes and primitives take theirs from what they are connected to. */
import type { NodeId } from './model'
import type { GraphReader } from './reader'

const LONGEST_CHAIN = 1000

/** Type that leaves a node's output; `*` when nothing decides it, `null` when the output does not exist. */
export function outputType(graph: GraphReader, node: NodeId, slot: number): string | null {
  let at = node
  let index = slot
  for (let step = 0; step < LONGEST_CHAIN; step++) {
    const output = graph.definitionOf(at)?.outputs[index]
    if (!output) return null
    if (graph.getNode(at)?.classType !== 'Reroute') return output.type
    const link = graph.linksInto(at)[0]
    if (!link) return '*'
    at = link.source
    index = link.sourceSlot
  }
  return '*'
}

/** Type that an input takes; for a reroute, the type wanted by the first real input behind it. */
export function inputType(graph: GraphReader, node: NodeId, input: string): string | null {
  const seen = new Set<NodeId>()
  let at = node
  let name = input
  while (!seen.has(at)) {
    seen.add(at)
    const declared = graph.definitionOf(at)?.inputs.find((entry) => entry.name === name)
    if (!declared) return null
    if (graph.getNode(at)?.classType !== 'Reroute') return declared.type
    const link = graph.linksFrom(at)[0]
    if (!link) return '*'
    at = link.target
    name = link.targetInput
  }
  return '*'
}

/** Finds node classes by what a person types, best first; used by the add-node search. */
import uFuzzy from '@leeoniya/ufuzzy'
import { typesMatch } from '../graph/types-match'
import type { HandleRef } from './handles'
import type { NodeDefinition } from './types'

/** Only classes with a slot that could be connected to the given type. */
export interface SlotFilter {
  /** Side of the slot that the link comes from: classes then need a slot on the other side. */
  readonly side: HandleRef['side']
  readonly type: string
}

/** How often each class was used, for the order among equals. */
export type UsageCounts = Readonly<Record<string, number>>

/** An index over all classes; make it once per set of definitions. */
export class NodeSearch {
  readonly #fuzzy = new uFuzzy({ intraMode: 1, intraIns: 1 })
  readonly #definitions: readonly NodeDefinition[]
  readonly #names: string[]
  readonly #haystack: string[]

  constructor(definitions: readonly NodeDefinition[]) {
    this.#definitions = definitions.filter((definition) => !definition.deprecated)
    this.#names = this.#definitions.map((definition) =>
      `${definition.displayName} ${definition.classType}`.toLowerCase(),
    )
    this.#haystack = this.#definitions.map((definition) =>
      [
        spaced(definition.displayName),
        spaced(definition.classType),
        definition.classType,
        definition.category,
        ...definition.aliases,
      ]
        .join(' ')
        .toLowerCase(),
    )
  }

  /** At most `limit` classes. Without a query: the most used ones, then by name. */
  find(query: string, options: { filter?: SlotFilter; usage?: UsageCounts; limit?: number } = {}): NodeDefinition[] {
    const { filter, usage = {}, limit = 50 } = options
    const wanted = query.trim().toLowerCase()
    const found = wanted === '' ? this.#definitions.map((_, at) => at) : this.#matches(wanted)
    const scored = found
      .filter((at) => !filter || acceptsSlot(this.#definitions[at] as NodeDefinition, filter))
      .map((at) => ({ at, score: this.#score(at, wanted, usage) }))
    scored.sort((a, b) => b.score - a.score || this.#compareNames(a.at, b.at))
    return scored.slice(0, limit).map(({ at }) => this.#definitions[at] as NodeDefinition)
  }

  #matches(wanted: string): number[] {
    return this.#fuzzy.filter(this.#haystack, this.#fuzzy.split(wanted).join(' ')) ?? []
  }

  /** Whole names before beginnings, beginnings of words before middles; use counts little, and only among likes. */
  #score(at: number, wanted: string, usage: UsageCounts): number {
    const definition = this.#definitions[at] as NodeDefinition
    const used = Math.min(9, Math.log2(1 + (usage[definition.classType] ?? 0)))
    if (wanted === '') return used
    const [display, classType] = [definition.displayName.toLowerCase(), definition.classType.toLowerCase()]
    if (display === wanted || classType === wanted) return 1000 + used
    const penalty = definition.experimental ? 5 : 0
    const length = Math.min(20, display.length / 4)
    if (display.startsWith(wanted) || classType.startsWith(wanted)) return 500 + used * 3 - length - penalty
    if (this.#names[at]?.includes(` ${wanted}`)) return 300 + used * 3 - length - penalty
    if (this.#names[at]?.includes(wanted)) return 200 + used * 3 - length - penalty
    return 100 + used * 3 - length - penalty
  }

  #compareNames(a: number, b: number): number {
    return (this.#names[a] as string) < (this.#names[b] as string) ? -1 : 1
  }
}

/** `KSamplerAdvanced` and `VAEDecode` as words. */
function spaced(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, '$1 $2').replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
}

/** Whether a class has a slot for a link of the filter's type. */
export function acceptsSlot(definition: NodeDefinition, filter: SlotFilter): boolean {
  return firstSlotFor(definition, filter) !== null
}

/** The slot that a link dropped on a node of this class goes to: exact types before wildcards, sockets before widgets. */
export function firstSlotFor(definition: NodeDefinition, { side, type }: SlotFilter): HandleRef | null {
  if (side === 'input') {
    const output = best(definition.outputs, type)
    return output ? { side: 'output', node: '', slot: output.index } : null
  }
  const linkable = definition.inputs.filter((input) => input.kind === 'socket' || input.widget?.linkable === true)
  const sockets = linkable.filter((input) => input.kind === 'socket')
  const input = best(sockets, type) ?? best(linkable, type)
  return input ? { side: 'input', node: '', input: input.name } : null
}

function best<T extends { readonly type: string }>(slots: readonly T[], type: string): T | undefined {
  return slots.find((slot) => slot.type === type) ?? slots.find((slot) => typesMatch(slot.type, type))
}

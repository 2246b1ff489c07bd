/** Finds node classes by what somebody types; used by the add-node search and the node library. */
import uFuzzy from '@leeoniya/ufuzzy'
import type { NodeDefinition } from '@/definitions/types'
import { typesMatch } from '@/graph/types-match'

const fuzzy = new uFuzzy({ intraMode: 1, intraIns: 2 })

const LONGEST_INITIALS = 5
const EXACT = 100
/** Less than the distance between two kinds of likeness. */
const JUST_BEHIND = 5

/** One class with the text it is found by. */
interface Entry {
  readonly definition: NodeDefinition
  readonly name: string
}

/** The end of a dropped wire: only classes that can take it are offered. */
export interface WireEnd {
  readonly side: 'input' | 'output'
  readonly type: string
}

/** Searches one set of definitions; made once per set. */
export class NodeFinder {
  readonly #entries: readonly Entry[]
  readonly #names: string[]

  constructor(definitions: Iterable<NodeDefinition>) {
    this.#entries = [...definitions]
      .filter((definition) => definition.origin !== 'placeholder')
      .map((definition) => ({ definition, name: definition.displayName }))
      .sort((a, b) => a.name.localeCompare(b.name))
    this.#names = this.#entries.map(({ definition: { displayName, classType, category, aliases } }) =>
      [displayName, classType === displayName ? '' : classType, ...aliases, category].join(' | '),
    )
  }

  /** Best first; with nothing typed the most used ones, then by name. `used` counts how often a class was added. */
  find(text: string, wire: WireEnd | null, used: Readonly<Record<string, number>>, limit = 60): NodeDefinition[] {
    const usage = (at: number) => used[this.#entries[at]?.definition.classType ?? ''] ?? 0
    const fits = (at: number) => {
      const entry = this.#entries[at]
      return entry !== undefined && (wire === null || takes(entry.definition, wire))
    }
    const order = text.trim() === '' ? this.#current().sort((a, b) => usage(b) - usage(a)) : this.#rank(text, usage)
    if (wire) order.sort((a, b) => Number(this.#exact(b, wire)) - Number(this.#exact(a, wire)))
    const found: NodeDefinition[] = []
    for (const at of order) {
      if (found.length >= limit) break
      if (fits(at)) found.push((this.#entries[at] as Entry).definition)
    }
    return found
  }

  /** All classes that are not deprecated; those that run come first. */
  #current(): number[] {
    const current = this.#entries.flatMap(({ definition }, at) => (definition.deprecated ? [] : [at]))
    return current.sort((a, b) => Number(this.#waits(a)) - Number(this.#waits(b)))
  }

  #waits(at: number): boolean {
    return this.#entries[at]?.definition.unsupportedFamily !== ''
  }

  #rank(text: string, usage: (at: number) => number): number[] {
    const needle = text.trim().toLowerCase()
    const scored = this.#match(needle).map((at) => ({ at, score: score(this.#entries[at] as Entry, needle) }))
    return scored.sort((a, b) => b.score - a.score || usage(b.at) - usage(a.at)).map(({ at }) => at)
  }

  #exact(at: number, wire: WireEnd): boolean {
    const definition = this.#entries[at]?.definition
    const slots = wire.side === 'output' ? definition?.inputs : definition?.outputs
    return slots?.some((slot) => slot.type === wire.type) ?? false
  }

  #match(needle: string): number[] {
    const [found, info, order] = fuzzy.search(this.#names, needle, 1)
    const matched = found && info && order ? order.map((at) => info.idx[at] as number) : (found ?? [])
    const all = needle.length > LONGEST_INITIALS ? matched : [...new Set([...matched, ...this.#initials(needle)])]
    return all.filter((at) => isOffered(this.#entries[at] as Entry, needle))
  }

  /** `lc` finds Load Checkpoint. */
  #initials(needle: string): number[] {
    return this.#entries.flatMap((entry, at) => (initialsOf(entry.name).startsWith(needle) ? [at] : []))
  }
}

/** A deprecated class is offered to those who ask for it by name. */
function isOffered({ definition, name }: Entry, needle: string): boolean {
  const named = () => [name, definition.classType].some((each) => each.toLowerCase().includes(needle))
  return !definition.deprecated || named()
}

/** Whether a class has a slot for the wire: an input for a wire from an output, and the other way round. */
export function takes(definition: NodeDefinition, wire: WireEnd): boolean {
  return wire.side === 'output'
    ? definition.inputs.some((input) => typesMatch(wire.type, input.type))
    : definition.outputs.some((output) => typesMatch(output.type, wire.type))
}

function initialsOf(name: string): string {
  return (name.match(/\b\w|[A-Z](?=[a-z])/g) ?? []).join('').toLowerCase()
}

/** An exact name comes first; among others, what runs before what cannot yet, and deprecated classes last. */
function score(entry: Entry, needle: string): number {
  const { definition, name } = entry
  if (name.toLowerCase() === needle || definition.classType.toLowerCase() === needle) return EXACT
  const behind = definition.deprecated ? EXACT : definition.unsupportedFamily ? JUST_BEHIND : 0
  return likeness(entry, needle) - behind
}

/** Names that start with the text come first, then whole words, then shorter names. */
function likeness({ definition, name }: Entry, needle: string): number {
  const title = name.toLowerCase()
  const type = definition.classType.toLowerCase()
  if (title.startsWith(needle) || type.startsWith(needle)) return 80 - title.length / 100
  if (title.split(/\W+/).some((word) => word.startsWith(needle))) return 60 - title.length / 100
  if (title.includes(needle) || type.includes(needle)) return 40 - title.length / 100
  if (initialsOf(name).startsWith(needle)) return 30
  return 10 - title.length / 100
}

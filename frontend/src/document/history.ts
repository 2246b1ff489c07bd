/** Undo and redo of one person's own changes, one step per intent, kept over a reload; used by recorded-document.ts. */
import { isNode, sameStored, type Place, type Places, type Stored } from './places'
import type { HistoryState } from './types'

/** Changes with the same merge key become one step while they follow each other within this time. */
const MERGE_WINDOW_MS = 1000
/** Older steps are forgotten: beyond this many steps, or this many changes in all of them. */
const MOST_STEPS = 200
const MOST_CHANGES = 20_000

/** What an edit did at one place. */
export interface Change {
  readonly place: Place
  readonly before: Stored
  readonly after: Stored
}

/** What one press of undo takes back. */
export interface Step {
  readonly label: string
  readonly changes: Change[]
}

/** Both stacks, the last step at the end; plain data that can be put on disk. */
export interface Steps {
  readonly undo: readonly Step[]
  readonly redo: readonly Step[]
}

const NOTHING: HistoryState = { canUndo: false, canRedo: false, undoLabel: null, redoLabel: null }

/**
 * Remembers before and after of every change. What somebody else has changed meanwhile is left as they made it: a
 * change is taken back only where its result still stands.
 */
export class History {
  readonly #places: Places
  readonly #now: () => number
  #undo: Step[] = []
  #redo: Step[] = []
  #state = NOTHING
  #label = ''
  #lastKey: string | null = null
  #lastAt = 0
  /** The step that changes are added to, and where each place stands in it. */
  #open: Step | null = null
  #known = new Map<string, number>()

  constructor(places: Places, now: () => number = () => Date.now()) {
    this.#places = places
    this.#now = now
  }

  get state(): HistoryState {
    return this.#state
  }

  /** Announces the next change; without a merge key, or after a pause, it starts a step of its own. */
  begin(label: string, mergeKey: string | null): void {
    const now = this.#now()
    const merges = mergeKey !== null && mergeKey === this.#lastKey && now - this.#lastAt <= MERGE_WINDOW_MS
    if (!merges) this.#open = null
    this.#label = label
    this.#lastKey = mergeKey
    this.#lastAt = now
  }

  /** Takes down a change that was just made. */
  record(place: Place, before: Stored, after: Stored): void {
    this.#redo = []
    if (!this.#open) {
      this.#open = { label: this.#label, changes: [] }
      this.#undo.push(this.#open)
      this.#known.clear()
    }
    const { changes } = this.#open
    const key = JSON.stringify(place)
    const at = this.#known.get(key)
    const earlier = at === undefined ? undefined : changes[at]
    if (at !== undefined && earlier) changes[at] = { ...earlier, after }
    else changes.push({ place, before, after })
    // What happens inside a node belongs before or after its coming and going, never into an earlier change.
    if (isNode(place)) this.#known.clear()
    else this.#known.set(key, at ?? changes.length - 1)
  }

  /** Ends merging: the next change is a step of its own. */
  endStep(): void {
    this.#lastKey = null
    this.#open = null
  }

  /** Takes back the last step that still can be; its label, or null when there is none. */
  undo(): string | null {
    return this.#move(this.#undo, this.#redo, ({ changes }) => {
      let changed = false
      for (let at = changes.length - 1; at >= 0; at--) changed = this.#apply(changes, at, 'after', 'before') || changed
      return changed
    })
  }

  /** Repeats the step that was taken back last; its label, or null when there is none. */
  redo(): string | null {
    return this.#move(this.#redo, this.#undo, ({ changes }) => {
      let changed = false
      for (let at = 0; at < changes.length; at++) changed = this.#apply(changes, at, 'before', 'after') || changed
      return changed
    })
  }

  clear(): void {
    this.restore({ undo: [], redo: [] })
  }

  /** Both stacks as they are now. */
  steps(): Steps {
    return { undo: [...this.#undo], redo: [...this.#redo] }
  }

  /** Goes on with the steps of an earlier page. */
  restore({ undo, redo }: Steps): void {
    this.#undo = [...undo]
    this.#redo = [...redo]
    this.endStep()
  }

  /** Forgets the oldest steps and recomputes the state; true when it differs from before. */
  refresh(): boolean {
    this.#forgetOldest()
    const next: HistoryState = {
      canUndo: this.#undo.length > 0,
      canRedo: this.#redo.length > 0,
      undoLabel: this.#undo.at(-1)?.label ?? null,
      redoLabel: this.#redo.at(-1)?.label ?? null,
    }
    if (sameStored(next, this.#state)) return false
    this.#state = next
    return true
  }

  #move(from: Step[], to: Step[], apply: (step: Step) => boolean): string | null {
    this.endStep()
    for (let step = from.pop(); step; step = from.pop()) {
      if (!apply(step)) continue
      to.push(step)
      return step.label
    }
    return null
  }

  /** Whether anything was changed. A node that goes is remembered as it was last, whoever has changed it since. */
  #apply(changes: Change[], at: number, from: 'before' | 'after', to: 'before' | 'after'): boolean {
    const change = changes[at] as Change
    const { place } = change
    const [expected, wanted] = [change[from], change[to]]
    const now = this.#places.read(place)
    const stands = isNode(place) ? (now === undefined) === (expected === undefined) : sameStored(now, expected)
    if (!stands || sameStored(now, wanted)) return false
    if (isNode(place)) changes[at] = { ...change, [from]: now }
    this.#places.write(place, wanted)
    return !sameStored(this.#places.read(place), now)
  }

  #forgetOldest(): void {
    const surplus = this.#undo.length - MOST_STEPS
    if (surplus > 0) this.#undo.splice(0, surplus)
    let changes = this.#undo.reduce((sum, step) => sum + step.changes.length, 0)
    while (changes > MOST_CHANGES && this.#undo.length > 1) changes -= this.#undo.shift()?.changes.length ?? 0
  }
}

/** Reads steps that were on disk; null when they make no sense. */
export function readSteps(value: unknown): Steps | null {
  if (typeof value !== 'object' || value === null) return null
  const { undo, redo } = value as { undo?: unknown; redo?: unknown }
  return isSteps(undo) && isSteps(redo) ? { undo, redo } : null
}

function isSteps(value: unknown): value is Step[] {
  return Array.isArray(value) && value.every(isStep)
}

function isStep(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { label, changes } = value as { label?: unknown; changes?: unknown }
  const isChange = (entry: unknown) => Array.isArray((entry as { place?: unknown } | null)?.place)
  return typeof label === 'string' && Array.isArray(changes) && changes.every(isChange)
}

/** Undo and redo of one person's own changes, one step per intent; used by editor-document.ts. */
import * as Y from 'yjs'
import type { HistoryState } from './types'

/** Changes with the same merge key become one step while they follow each other within this time. */
const MERGE_WINDOW_MS = 1000
const LABEL = 'label'

const EMPTY: HistoryState = { canUndo: false, canRedo: false, undoLabel: null, redoLabel: null }

/** Wraps Yjs' undo manager: labels, merging, and a state object that changes only when it differs. */
export class History {
  readonly #manager: Y.UndoManager
  readonly #now: () => number
  #state = EMPTY
  #label = ''
  #lastKey: string | null = null
  #lastAt = 0

  constructor(scope: Y.Map<unknown>[], origin: object, now: () => number = () => Date.now()) {
    this.#now = now
    this.#manager = new Y.UndoManager(scope, {
      trackedOrigins: new Set([origin]),
      captureTimeout: Number.MAX_SAFE_INTEGER,
    })
    this.#manager.on('stack-item-added', ({ stackItem, type }) => {
      if (type === 'undo' && !stackItem.meta.has(LABEL)) stackItem.meta.set(LABEL, this.#label)
    })
  }

  get state(): HistoryState {
    return this.#state
  }

  /** Announces the next change; without a merge key, or after a pause, it starts a step of its own. */
  begin(label: string, mergeKey: string | null): void {
    const now = this.#now()
    const merges = mergeKey !== null && mergeKey === this.#lastKey && now - this.#lastAt <= MERGE_WINDOW_MS
    if (!merges) this.#manager.stopCapturing()
    this.#label = label
    this.#lastKey = mergeKey
    this.#lastAt = now
  }

  /** Ends merging: the next change is a step of its own. */
  endStep(): void {
    this.#lastKey = null
  }

  /** Takes back the last step; its label, or null when there is none. */
  undo(): string | null {
    return this.#step(this.#manager.undoStack, this.#manager.redoStack, () => this.#manager.undo())
  }

  /** Repeats the step that was taken back last; its label, or null when there is none. */
  redo(): string | null {
    return this.#step(this.#manager.redoStack, this.#manager.undoStack, () => this.#manager.redo())
  }

  clear(): void {
    this.#manager.clear()
    this.endStep()
  }

  /** Recomputes the state; true when it differs from before. */
  refresh(): boolean {
    const { undoStack, redoStack } = this.#manager
    const next: HistoryState = {
      canUndo: undoStack.length > 0,
      canRedo: redoStack.length > 0,
      undoLabel: labelOf(undoStack),
      redoLabel: labelOf(redoStack),
    }
    if (Object.entries(next).every(([key, value]) => this.#state[key as keyof HistoryState] === value)) return false
    this.#state = next
    return true
  }

  destroy(): void {
    this.#manager.destroy()
  }

  #step(from: StackItems, to: StackItems, run: () => unknown): string | null {
    const label = labelOf(from)
    const before = to.length
    this.endStep()
    run()
    if (to.length > before) to.at(-1)?.meta.set(LABEL, label ?? '')
    return label
  }
}

type StackItems = Y.UndoManager['undoStack']

function labelOf(stack: StackItems): string | null {
  const label: unknown = stack.at(-1)?.meta.get(LABEL)
  return typeof label === 'string' ? label : null
}

/** Which open document sent which prompt; remembered over a reload, so that events find their way. Used by run-session.ts. */

const KEY = 'comfy-creator.prompts'
const KEPT = 300

/** Of this browser tab. */
export class PromptOwners {
  readonly #storage: Storage
  readonly #owners: Map<string, string>

  constructor(storage: Storage = sessionStorage) {
    this.#storage = storage
    this.#owners = new Map(read(storage.getItem(KEY)))
  }

  /** Id of the document; undefined for prompts of other browser tabs. */
  of(promptId: string): string | undefined {
    return this.#owners.get(promptId)
  }

  /** The document's prompts, the latest first. */
  promptsOf(documentId: string): string[] {
    return [...this.#owners]
      .filter(([, owner]) => owner === documentId)
      .map(([promptId]) => promptId)
      .reverse()
  }

  add(promptId: string, documentId: string): void {
    this.#owners.set(promptId, documentId)
    for (const oldest of this.#owners.keys()) {
      if (this.#owners.size <= KEPT) break
      this.#owners.delete(oldest)
    }
    try {
      this.#storage.setItem(KEY, JSON.stringify([...this.#owners]))
    } catch {
      // Without storage a reload forgets which prompt belongs where; the results are in the gallery all the same.
    }
  }
}

function read(text: string | null): [string, string][] {
  try {
    const found: unknown = JSON.parse(text ?? '[]')
    return Array.isArray(found) ? found.filter(isPair) : []
  } catch {
    return []
  }
}

const isPair = (value: unknown): value is [string, string] =>
  Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'string')

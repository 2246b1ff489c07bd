/** The runs of one open document: holds its run state and sends its prompts; made by run-session.ts. */
import { PromptRefused } from './client'
import { initialRunState, reduceRun, type RunEvent, type RunState } from './run-state'
import type { PromptAccepted, PromptRequest } from './wire'

/** Sends a prompt on behalf of a document. */
export type SendPrompt = (request: PromptRequest) => Promise<PromptAccepted>

/** `subscribe` and `getState` fit `useSyncExternalStore`. */
export class DocumentRun {
  readonly #send: SendPrompt
  readonly #revoke: (url: string) => void
  readonly #listeners = new Set<() => void>()
  #state = initialRunState

  /** `revoke` frees the object URL of a preview that is no longer shown. */
  constructor(send: SendPrompt, revoke: (url: string) => void) {
    this.#send = send
    this.#revoke = revoke
  }

  getState = (): RunState => this.#state

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Sends a prompt; refused inputs land in the state. Throws what the client throws. */
  async queuePrompt(request: PromptRequest): Promise<PromptAccepted> {
    try {
      const accepted = await this.#send(request)
      this.dispatch({ type: 'prompt_queued', promptId: accepted.promptId, nodeErrors: accepted.nodeErrors })
      return accepted
    } catch (error) {
      if (error instanceof PromptRefused) this.dispatch({ type: 'prompt_refused', nodeErrors: error.nodeErrors })
      throw error
    }
  }

  /** Applies an event and tells the listeners if anything changed. */
  dispatch(event: RunEvent): void {
    const before = this.#state
    this.#state = reduceRun(before, event)
    if (this.#state === before) return
    this.#revokePreviews(before)
    for (const listener of [...this.#listeners]) listener()
  }

  /** Whether a node shows the preview with this object URL. */
  shows(url: string): boolean {
    return Object.values(this.#state.nodes).some((run) => run.preview === url)
  }

  #revokePreviews(before: RunState): void {
    if (before.nodes === this.#state.nodes) return
    for (const [id, run] of Object.entries(before.nodes)) {
      if (run.preview !== null && this.#state.nodes[id]?.preview !== run.preview) this.#revoke(run.preview)
    }
  }
}

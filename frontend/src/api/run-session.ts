/** The page's one source about runs: socket, queue and history brought together in the run state. */
import type { ApiClient } from './client'
import { PromptRefused } from './client'
import type { JsonObject } from '../graph/model'
import type { ServerEvent } from './events'
import { initialRunState, reduceRun, type ExecutorState, type RunEvent, type RunState } from './run-state'
import { EventSocket } from './socket'
import { object, text, type PromptAccepted, type PromptRequest } from './wire'

const EXECUTOR_STATES: readonly string[] = ['starting', 'ready', 'busy', 'dead']
const EXECUTOR_POLL_MS = 1000

/** What the session needs of a browser; tests give their own. */
export interface ObjectUrls {
  create(bytes: Uint8Array<ArrayBuffer>, mime: string): string
  revoke(url: string): void
}

const browserUrls: ObjectUrls = {
  create: (bytes, mime) => URL.createObjectURL(new Blob([bytes], { type: mime })),
  revoke: (url) => URL.revokeObjectURL(url),
}

/** Holds the {@link RunState}. `subscribe` and `getState` fit `useSyncExternalStore`. */
export class RunSession {
  readonly #client: ApiClient
  readonly #urls: ObjectUrls
  readonly #socket: EventSocket
  readonly #listeners = new Set<() => void>()
  readonly #eventListeners = new Set<(event: ServerEvent) => void>()
  #state = initialRunState
  #queueWanted = false
  #queueLoading = false
  #poll: ReturnType<typeof setTimeout> | null = null
  #ended = false

  constructor(client: ApiClient, urls: ObjectUrls = browserUrls) {
    this.#client = client
    this.#urls = urls
    this.#socket = new EventSocket(() => client.socketUrl(), {
      onEvent: (event) => this.receive(event),
      onConnection: (connection) => {
        this.dispatch({ type: 'connection', connection })
        if (connection === 'open') void this.catchUp()
      },
    })
  }

  getState = (): RunState => this.#state

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Every server event as it comes, for sounds, toasts and the feed. */
  onEvent(listener: (event: ServerEvent) => void): () => void {
    this.#eventListeners.add(listener)
    return () => this.#eventListeners.delete(listener)
  }

  start(): void {
    this.#socket.open()
    void this.#pollExecutor()
  }

  stop(): void {
    this.#ended = true
    this.#socket.close()
    if (this.#poll !== null) clearTimeout(this.#poll)
  }

  /** Sends a prompt; refused inputs land in the state. Throws what the client throws. */
  async queuePrompt(request: PromptRequest): Promise<PromptAccepted> {
    try {
      const accepted = await this.#client.queuePrompt(request)
      this.dispatch({ type: 'prompt_queued', promptId: accepted.promptId, nodeErrors: accepted.nodeErrors })
      void this.loadQueue()
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

  /** Takes one event from the socket. */
  receive(event: ServerEvent): void {
    if (event.type === 'preview') {
      const url = this.#urls.create(event.bytes, event.mime)
      this.dispatch({ type: 'preview_url', promptId: event.promptId, node: event.node, url })
      if (!Object.values(this.#state.nodes).some((run) => run.preview === url)) this.#urls.revoke(url)
    } else {
      this.dispatch(event)
      if (event.type === 'other' && event.name === 'executor_state') this.#tellExecutor(event.data)
      if (event.type === 'status') void this.loadQueue()
    }
    for (const listener of [...this.#eventListeners]) listener(event)
  }

  /** Reads the queue; calls that come meanwhile are answered by one more read. */
  async loadQueue(): Promise<void> {
    this.#queueWanted = true
    if (this.#queueLoading) return
    this.#queueLoading = true
    try {
      while (this.#queueWanted) {
        this.#queueWanted = false
        this.dispatch({ type: 'queue', queue: await this.#client.queue() })
      }
    } catch {
      // The connection state tells it; the next status event reads again.
    } finally {
      this.#queueLoading = false
    }
  }

  /** After (re)connecting: reads the queue, and how prompts ended that nobody told us about. */
  async catchUp(): Promise<void> {
    await this.loadQueue()
    this.#findOwnPrompts()
    const { queue, prompts } = this.#state
    const alive = new Set([...queue.running, ...queue.pending].map((item) => item.promptId))
    for (const prompt of prompts) {
      if (alive.has(prompt.promptId) || (prompt.state !== 'queued' && prompt.state !== 'running')) continue
      const record = await this.#client.historyOf(prompt.promptId).catch(() => null)
      if (record) this.dispatch({ type: 'history', record })
    }
  }

  #findOwnPrompts(): void {
    const { running, pending } = this.#state.queue
    for (const item of [...running, ...pending]) {
      if (item.clientId !== this.#client.clientId) continue
      this.dispatch({ type: 'prompt_found', promptId: item.promptId, running: running.includes(item) })
    }
  }

  /** Asks for the executor's state until it is ready; asked again after it was lost. */
  async #pollExecutor(): Promise<void> {
    const { state, detail } = await this.#readExecutor()
    this.dispatch({ type: 'executor', state, detail })
    if (this.#ended) return
    const settled = state === 'ready' || state === 'busy'
    this.#poll = setTimeout(() => void this.#pollExecutor(), settled ? EXECUTOR_POLL_MS * 10 : EXECUTOR_POLL_MS)
  }

  async #readExecutor(): Promise<{ state: ExecutorState; detail: string }> {
    try {
      return executorOf(object(object(await this.#client.getJson('v1/system'))['executor']))
    } catch {
      return { state: 'unknown', detail: '' }
    }
  }

  #tellExecutor(data: JsonObject): void {
    this.dispatch({ type: 'executor', ...executorOf(data) })
  }

  #revokePreviews(before: RunState): void {
    if (before.nodes === this.#state.nodes) return
    for (const [id, run] of Object.entries(before.nodes)) {
      if (run.preview !== null && this.#state.nodes[id]?.preview !== run.preview) this.#urls.revoke(run.preview)
    }
  }
}

function executorOf(data: JsonObject): { state: ExecutorState; detail: string } {
  const found = text(data['state'])
  const state = EXECUTOR_STATES.includes(found) ? (found as ExecutorState) : 'unknown'
  return { state, detail: text(data['detail']) }
}

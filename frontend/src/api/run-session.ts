/** The page's one source about runs: takes the server's events and leads each to the document that it is about. */
import type { JsonObject } from '../graph/model'
import type { ApiClient } from './client'
import { DocumentRun, type SendPrompt } from './document-run'
import type { ServerEvent } from './events'
import { PromptOwners } from './prompt-owners'
import {
  initialServerState,
  reduceServer,
  type ExecutorState,
  type ServerChange,
  type ServerState,
} from './server-state'
import { EventSocket } from './socket'
import { object, text, type HistoryRecord, type PromptAccepted, type PromptRequest, type QueueItem } from './wire'

const EXECUTOR_STATES: readonly string[] = ['starting', 'ready', 'busy', 'dead']
const EXECUTOR_POLL_MS = 1000
/** How many of a document's prompts are asked for until one has ended. */
const SOUGHT_RECORDS = 5

/** What the session needs of a browser; tests give their own. */
export interface ObjectUrls {
  create(bytes: Uint8Array<ArrayBuffer>, mime: string): string
  revoke(url: string): void
}

const browserUrls: ObjectUrls = {
  create: (bytes, mime) => URL.createObjectURL(new Blob([bytes], { type: mime })),
  revoke: (url) => URL.revokeObjectURL(url),
}

/** Holds the {@link ServerState} and the runs of all open documents. */
export class RunSession {
  readonly #client: ApiClient
  readonly #urls: ObjectUrls
  readonly #socket: EventSocket
  readonly #owners: PromptOwners
  readonly #runs = new Map<string, DocumentRun>()
  readonly #listeners = new Set<() => void>()
  readonly #eventListeners = new Set<(event: ServerEvent) => void>()
  #state = initialServerState
  /** Events without a prompt id that came before the queue was read. */
  #early: ServerEvent[] | null = []
  /** Prompts that are being sent, and events of prompts whose number has not come back yet: a short run overtakes it. */
  #sending = 0
  #unclaimed: ServerEvent[] = []
  #queueWanted = false
  #loading: Promise<void> | null = null
  #poll: ReturnType<typeof setTimeout> | null = null
  #ended = false

  constructor(client: ApiClient, urls: ObjectUrls = browserUrls, owners: PromptOwners = new PromptOwners()) {
    this.#client = client
    this.#urls = urls
    this.#owners = owners
    this.#socket = new EventSocket(() => client.socketUrl(), {
      onEvent: (event) => this.receive(event),
      onConnection: (connection) => {
        this.#early = []
        this.#change({ type: 'connection', connection })
        if (connection === 'open') void this.catchUp()
      },
    })
  }

  getState = (): ServerState => this.#state

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Every server event as it comes, for the feed. */
  onEvent(listener: (event: ServerEvent) => void): () => void {
    this.#eventListeners.add(listener)
    return () => this.#eventListeners.delete(listener)
  }

  /** The runs of a document, by the document's id. */
  runOf(documentId: string): DocumentRun {
    let run = this.#runs.get(documentId)
    if (!run) {
      const send: SendPrompt = (request) => this.#send(documentId, request)
      this.#runs.set(documentId, (run = new DocumentRun(send, (url) => this.#urls.revoke(url))))
    }
    return run
  }

  /** The document is closed: what comes for it is dropped from now on. */
  forget(documentId: string): void {
    this.#runs.delete(documentId)
  }

  /** Id of the open document that sent a prompt; null when none of this page's did. */
  ownerOf(promptId: string | null): string | null {
    const id = promptId === null ? undefined : this.#owners.of(promptId)
    return id !== undefined && this.#runs.has(id) ? id : null
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

  /** Takes one event from the socket. */
  receive(event: ServerEvent): void {
    if (event.type === 'other' && event.name === 'executor_state') this.#tellExecutor(event.data)
    else if (isAboutPrompt(event)) this.#lead(event)
    this.#change(event)
    if (event.type === 'status') void this.loadQueue()
    for (const listener of [...this.#eventListeners]) listener(event)
  }

  /** Reads the queue; calls that come meanwhile are answered by one more read. */
  loadQueue(): Promise<void> {
    this.#queueWanted = true
    this.#loading ??= this.#readQueue().finally(() => {
      this.#loading = null
    })
    return this.#loading
  }

  async #readQueue(): Promise<void> {
    try {
      while (this.#queueWanted) {
        this.#queueWanted = false
        const queue = await this.#client.queue()
        this.#change({ type: 'queue', queue })
        for (const run of this.#runs.values()) run.dispatch({ type: 'queue', queue })
      }
    } catch {
      // The connection state tells it; the next status event reads again.
    }
  }

  /** After (re)connecting: reads the queue, and how prompts ended that nobody told us about. */
  async catchUp(): Promise<void> {
    await this.loadQueue()
    const { running, pending } = this.#state.queue
    for (const item of running) this.#find(item, true)
    for (const item of pending) this.#find(item, false)
    const early = this.#early ?? []
    this.#early = null
    for (const event of early) this.#lead(event)
    const alive = new Set([...running, ...pending].map((item) => item.promptId))
    for (const run of this.#runs.values()) await this.#settle(run, alive)
  }

  async #send(documentId: string, request: PromptRequest): Promise<PromptAccepted> {
    this.#sending++
    try {
      const accepted = await this.#client.queuePrompt(request)
      this.#owners.add(accepted.promptId, documentId)
      void this.loadQueue()
      return accepted
    } finally {
      this.#sending--
      const overtook = this.#unclaimed
      this.#unclaimed = []
      for (const event of overtook) this.#lead(event)
    }
  }

  /** After a reload: shows what the document's last run made. */
  async showLastResults(documentId: string): Promise<void> {
    for (const promptId of this.#owners.promptsOf(documentId).slice(0, SOUGHT_RECORDS)) {
      const record = await this.#client.historyOf(promptId).catch(() => null)
      if (record) return this.showRecord(documentId, record)
    }
  }

  /** Shows what an ended prompt made on the nodes of a document. */
  async showRecord(documentId: string, record: HistoryRecord): Promise<void> {
    const run = this.runOf(documentId)
    run.dispatch({ type: 'history', record })
    await this.#completeSeconds(run, record.promptId)
  }

  /** The server knows how long nodes took that ran before this page was there. */
  async #completeSeconds(run: DocumentRun, promptId: string): Promise<void> {
    const seconds = await this.#client.nodeSeconds(promptId).catch(() => ({}))
    run.dispatch({ type: 'node_seconds', seconds })
  }

  #find({ promptId }: QueueItem, running: boolean): void {
    const owner = this.ownerOf(promptId)
    if (owner !== null) this.runOf(owner).dispatch({ type: 'prompt_found', promptId, running })
  }

  async #settle(run: DocumentRun, alive: ReadonlySet<string>): Promise<void> {
    for (const { promptId, state } of run.getState().prompts) {
      if (alive.has(promptId) || (state !== 'queued' && state !== 'running')) continue
      const record = await this.#client.historyOf(promptId).catch(() => null)
      if (record) run.dispatch({ type: 'history', record })
    }
  }

  /** Gives an event to the document whose prompt it is about. */
  #lead(event: ServerEvent): void {
    const promptId = 'promptId' in event ? event.promptId : null
    if (promptId === null && this.#early) {
      this.#early.push(event)
      return
    }
    const owner = this.ownerOf(promptId ?? this.#state.runningPrompt)
    if (owner === null) {
      if (this.#sending > 0) this.#unclaimed.push(event)
      return
    }
    const run = this.runOf(owner)
    if (event.type !== 'preview') run.dispatch(event)
    else this.#showPreview(run, event)
    const over = event.type === 'executing' && event.node === null
    const unknown = Object.values(run.getState().nodes).some(
      (node) => node.status === 'finished' && node.seconds === null,
    )
    if (over && unknown && promptId !== null) void this.#completeSeconds(run, promptId)
  }

  #showPreview(run: DocumentRun, event: ServerEvent & { type: 'preview' }): void {
    const url = this.#urls.create(event.bytes, event.mime)
    run.dispatch({ type: 'preview_url', node: event.node, url })
    if (!run.shows(url)) this.#urls.revoke(url)
  }

  /** Applies what concerns the server as a whole and tells the listeners if anything changed. */
  #change(event: ServerEvent | ServerChange): void {
    const before = this.#state
    this.#state = reduceServer(before, event)
    if (this.#state !== before) for (const listener of [...this.#listeners]) listener()
  }

  /** Asks for the executor's state until it is ready; asked again after it was lost. */
  async #pollExecutor(): Promise<void> {
    const { state, detail } = await this.#readExecutor()
    this.#change({ type: 'executor', state, detail })
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
    this.#change({ type: 'executor', ...executorOf(data) })
  }
}

const ABOUT_PROMPTS: ReadonlySet<ServerEvent['type']> = new Set([
  'execution_start',
  'execution_cached',
  'progress_state',
  'executing',
  'progress',
  'executed',
  'execution_success',
  'execution_error',
  'execution_interrupted',
  'preview',
  'text',
] as const)

const isAboutPrompt = (event: ServerEvent): boolean => ABOUT_PROMPTS.has(event.type)

function executorOf(data: JsonObject): { state: ExecutorState; detail: string } {
  const found = text(data['state'])
  const state = EXECUTOR_STATES.includes(found) ? (found as ExecutorState) : 'unknown'
  return { state, detail: text(data['detail']) }
}

/** Talks to the server over HTTP. URLs are relative to the page, so that it works under any mount path. */
import type { Json, JsonObject, NodeId } from '../graph/model'
import { parseLossless, stringifyLossless } from '../formats/lossless-json'
import {
  isObject,
  object,
  readHistory,
  readNodeErrors,
  readQueue,
  text,
  type FileRef,
  type HistoryRecord,
  type NodeErrors,
  type PromptAccepted,
  type PromptRequest,
  type QueueState,
} from './wire'

/** The server answered with an error, or did not answer (`status` 0). `message` is a sentence for people. */
export class ApiError extends Error {
  override readonly name = 'ApiError'

  constructor(
    message: string,
    readonly status: number,
    readonly body: Json = null,
  ) {
    super(message)
  }
}

/** The server refused a prompt. */
export class PromptRefused extends ApiError {
  constructor(
    message: string,
    readonly type: string,
    readonly details: string,
    readonly nodeErrors: NodeErrors,
    body: Json,
  ) {
    super(message, 400, body)
  }
}

/** A file in the user's folder. */
export interface UserFile {
  /** Relative to the listed folder, with `/`. */
  readonly path: string
  readonly size: number
  /** Seconds or milliseconds since 1970, as the server gives it. */
  readonly modified: number
}

/** One server, seen from this tab. */
export class ApiClient {
  readonly #base: string
  readonly #fetch: typeof fetch
  readonly clientId: string

  /** `clientId` is this page's name at the server. */
  constructor(options: { clientId: string; base?: string; fetch?: typeof fetch }) {
    this.#base = options.base ?? document.baseURI
    this.#fetch = options.fetch ?? ((...given) => fetch(...given))
    this.clientId = options.clientId
  }

  /** Absolute address of a path below `api/`. */
  url(path: string, query: Record<string, string | number | boolean | undefined> = {}): string {
    const url = new URL(`api/${path}`, this.#base)
    for (const [key, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(key, String(value))
    return url.href
  }

  /** Address of the event socket. */
  socketUrl(): string {
    return this.url('ws', { clientId: this.clientId }).replace(/^http/, 'ws')
  }

  /** Address of a file; `preview` asks for a smaller picture, for example `webp;80`. */
  viewUrl(file: FileRef, options: { preview?: string; rand?: string } = {}): string {
    return this.url('view', { ...file, ...options })
  }

  /** Node classes as the server writes them: the same text while no class and no file came or went. */
  async objectInfo(): Promise<string> {
    return (await this.#send('object_info')).text()
  }

  /** Queues a prompt. Throws {@link PromptRefused} when validation fails. */
  async queuePrompt(request: PromptRequest): Promise<PromptAccepted> {
    const body: JsonObject = {
      client_id: this.clientId,
      prompt: request.prompt,
      extra_data: request.workflow ? { extra_pnginfo: { workflow: request.workflow } } : {},
    }
    if (request.front) body['front'] = true
    if (request.targets) body['partial_execution_targets'] = [...request.targets]
    const answer = object(await this.#json('prompt', jsonBody(body)).catch(asRefusal))
    return {
      promptId: text(answer['prompt_id']),
      number: Number(answer['number'] ?? 0),
      nodeErrors: readNodeErrors(answer['node_errors']),
    }
  }

  async queue(): Promise<QueueState> {
    return readQueue(await this.#json('queue'))
  }

  /** Removes waiting prompts. */
  async cancelQueued(promptIds: readonly string[]): Promise<void> {
    await this.#send('queue', jsonBody({ delete: [...promptIds] }))
  }

  async clearQueue(): Promise<void> {
    await this.#send('queue', jsonBody({ clear: true }))
  }

  /** Stops the given prompt if it is the running one; without an id, whatever is running. */
  async interrupt(promptId?: string): Promise<void> {
    await this.#send('interrupt', jsonBody(promptId === undefined ? {} : { prompt_id: promptId }))
  }

  /** Finished prompts, oldest first; the last `limit` ones. */
  async history(limit?: number): Promise<HistoryRecord[]> {
    return readHistory(await this.#json(limit === undefined ? 'history' : `history?max_items=${limit}`))
  }

  /** One finished prompt; null while it waits or runs. */
  async historyOf(promptId: string): Promise<HistoryRecord | null> {
    return readHistory(await this.#json(`history/${encodeURIComponent(promptId)}`))[0] ?? null
  }

  /** How long the nodes of an ended prompt took, in seconds; cached ones are missing. */
  async nodeSeconds(promptId: string): Promise<Record<NodeId, number>> {
    const job = object(await this.#json(`v1/jobs/${encodeURIComponent(promptId)}`))
    return Object.fromEntries(Object.entries(object(job['node_ms'])).map(([id, ms]) => [id, Number(ms) / 1000]))
  }

  async deleteHistory(promptIds: readonly string[]): Promise<void> {
    await this.#send('history', jsonBody({ delete: [...promptIds] }))
  }

  /** Uploads a picture; the answer names it, possibly with another name. */
  async uploadImage(
    file: File | Blob,
    options: { name?: string; subfolder?: string; type?: FileRef['type']; overwrite?: boolean } = {},
  ): Promise<FileRef> {
    const form = new FormData()
    form.append('image', file, options.name ?? (file instanceof File ? file.name : 'image.png'))
    if (options.subfolder) form.append('subfolder', options.subfolder)
    if (options.type) form.append('type', options.type)
    if (options.overwrite) form.append('overwrite', 'true')
    const answer = object(await this.#json('upload/image', { method: 'POST', body: form }))
    return {
      filename: text(answer['name']),
      subfolder: text(answer['subfolder']),
      type: answer['type'] === 'temp' || answer['type'] === 'output' ? answer['type'] : 'input',
    }
  }

  async systemStats(): Promise<JsonObject> {
    return object(await this.#json('system_stats'))
  }

  async settings(): Promise<JsonObject> {
    return object(await this.#json('settings'))
  }

  async saveSetting(id: string, value: Json): Promise<void> {
    await this.#send(`settings/${encodeURIComponent(id)}`, jsonBody(value))
  }

  /** Files below a folder of the user's data, for example `workflows`; none when the folder does not exist. */
  async listUserFiles(folder: string): Promise<UserFile[]> {
    const query = { dir: folder, recurse: true, full_info: true }
    const answer = await this.#json(pathWith('userdata', query)).catch((error: unknown) => {
      if (error instanceof ApiError && error.status === 404) return []
      throw error
    })
    return (Array.isArray(answer) ? answer : []).filter(isObject).map((entry) => ({
      path: text(entry['path']),
      size: Number(entry['size'] ?? 0),
      modified: Number(entry['modified'] ?? 0),
    }))
  }

  /** Content of a file of the user's data. */
  async readUserFile(path: string): Promise<string> {
    return (await this.#send(userFile(path))).text()
  }

  /** Saves a file of the user's data. With `overwrite` false, an existing file gives an {@link ApiError} 409. */
  async writeUserFile(path: string, content: string, options: { overwrite?: boolean } = {}): Promise<void> {
    const query = { overwrite: options.overwrite ?? true, full_info: true }
    await this.#send(pathWith(userFile(path), query), { method: 'POST', body: content })
  }

  async deleteUserFile(path: string): Promise<void> {
    await this.#send(userFile(path), { method: 'DELETE' })
  }

  async moveUserFile(from: string, to: string, options: { overwrite?: boolean } = {}): Promise<void> {
    const query = { overwrite: options.overwrite ?? false }
    await this.#send(pathWith(`${userFile(from)}/move/${encodeURIComponent(to)}`, query), { method: 'POST' })
  }

  /** Any other JSON route below `api/`. */
  getJson(path: string): Promise<Json> {
    return this.#json(path)
  }

  async #json(path: string, init?: RequestInit): Promise<Json> {
    const answer = await (await this.#send(path, init)).text()
    return answer === '' ? null : parseLossless(answer)
  }

  async #send(path: string, init: RequestInit = {}): Promise<Response> {
    const answer = await this.#fetch(new URL(`api/${path}`, this.#base).href, init).catch((cause: unknown) => {
      throw new ApiError('The server does not answer: see whether it is still running.', 0, String(cause))
    })
    if (answer.ok) return answer
    const body = await answer.text().catch(() => '')
    throw new ApiError(sentence(answer.status, body), answer.status, tryParse(body))
  }
}

function jsonBody(body: Json): RequestInit {
  return { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: stringifyLossless(body) }
}

const userFile = (path: string): string => `userdata/${encodeURIComponent(path)}`

function pathWith(path: string, query: Record<string, string | boolean>): string {
  return `${path}?${new URLSearchParams(Object.entries(query).map(([key, value]) => [key, String(value)])).toString()}`
}

function asRefusal(error: unknown): never {
  if (!(error instanceof ApiError) || error.status !== 400 || !isObject(error.body)) throw error
  const detail = object(error.body['error'])
  throw new PromptRefused(
    text(detail['message']) || error.message,
    text(detail['type']),
    text(detail['details']),
    readNodeErrors(error.body['node_errors']),
    error.body,
  )
}

function tryParse(body: string): Json {
  try {
    return parseLossless(body)
  } catch {
    return body
  }
}

function sentence(status: number, body: string): string {
  const parsed = tryParse(body)
  const inner = isObject(parsed) ? parsed['error'] : null
  const message = isObject(inner) ? text(inner['message']) : text(inner)
  if (message) return message
  if (status === 401) return 'The server wants its token: open the address with ?token=... that it printed at start.'
  if (status === 403) return 'The server refuses this page: open it at the address that the server printed.'
  if (status === 413) return 'The file is larger than the server accepts.'
  const plain = body.length > 0 && body.length < 200 && !body.startsWith('<') ? body : ''
  return plain || `The server answered with an error (${status}).`
}

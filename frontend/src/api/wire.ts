/** Shapes of the server's answers, as far as the editor reads them. */
import type { Json, JsonObject, NodeId } from '../graph/model'

/** A file of the server: what `/view` takes and what results are made of. */
export interface FileRef {
  readonly filename: string
  readonly subfolder: string
  readonly type: 'input' | 'output' | 'temp'
}

/** One thing that is wrong with a node. */
export interface NodeError {
  /** For programs, for example `value_not_in_list`. */
  readonly type: string
  readonly message: string
  readonly details: string
  /** The input it is about; `null`: the node as a whole. */
  readonly input: string | null
}

/** Errors by node id. */
export type NodeErrors = Readonly<Record<NodeId, readonly NodeError[]>>

/** A prompt that the server took; some of its output nodes may have been refused. */
export interface PromptAccepted {
  readonly promptId: string
  readonly number: number
  readonly nodeErrors: NodeErrors
}

/** What is sent to be run. */
export interface PromptRequest {
  readonly prompt: JsonObject
  /** The document that belongs to it, for the metadata of the results. */
  readonly workflow: JsonObject | null
  /** Put it before all waiting ones. */
  readonly front?: boolean
  /** Run only what these output nodes need. */
  readonly targets?: readonly NodeId[]
}

/** A waiting or running prompt. */
export interface QueueItem {
  readonly promptId: string
  readonly number: number
  readonly prompt: JsonObject
  readonly workflow: JsonObject | null
  readonly clientId: string | null
}

/** What `/queue` says; pending in the order in which they will run. */
export interface QueueState {
  readonly running: readonly QueueItem[]
  readonly pending: readonly QueueItem[]
}

/** A finished prompt. */
export interface HistoryRecord {
  readonly promptId: string
  readonly number: number
  readonly prompt: JsonObject
  readonly workflow: JsonObject | null
  readonly outputs: Readonly<Record<NodeId, JsonObject>>
  readonly status: 'success' | 'error' | 'interrupted'
  /** Nodes whose stored results were used again. */
  readonly cached: readonly NodeId[]
  /** When it began and ended, in milliseconds since 1970; null: unknown. */
  readonly startedAt: number | null
  readonly endedAt: number | null
  readonly messages: readonly (readonly [string, JsonObject])[]
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
export const text = (value: unknown): string => (typeof value === 'string' ? value : '')
export const array = (value: unknown): Json[] => (Array.isArray(value) ? (value as Json[]) : [])
export const object = (value: unknown): JsonObject => (isObject(value) ? value : {})

/** Files in a node's result (`images`, `gifs`, `audio`, ...): entries that name a file. */
export function filesOf(output: JsonObject | undefined, key = 'images'): FileRef[] {
  return array(output?.[key]).flatMap((entry) => {
    if (!isObject(entry) || typeof entry['filename'] !== 'string') return []
    const type = entry['type'] === 'temp' || entry['type'] === 'input' ? entry['type'] : 'output'
    return [{ filename: entry['filename'], subfolder: text(entry['subfolder']), type }]
  })
}

/** Reads the `node_errors` of an answer to POST /prompt. */
export function readNodeErrors(value: Json | undefined): NodeErrors {
  return Object.fromEntries(
    Object.entries(object(value)).map(([id, entry]) => [id, array(object(entry)['errors']).map(readNodeError)]),
  )
}

function readNodeError(entry: Json): NodeError {
  const error = object(entry)
  const extra = object(error['extra_info'])
  return {
    type: text(error['type']),
    message: text(error['message']),
    details: text(error['details']),
    input: typeof extra['input_name'] === 'string' ? extra['input_name'] : null,
  }
}

/** Reads the answer of `/queue`; items that make no sense are left out. */
export function readQueue(value: Json): QueueState {
  const answer = object(value)
  const items = (key: string) => array(answer[key]).flatMap((item) => readQueueItem(item) ?? [])
  return { running: items('queue_running'), pending: items('queue_pending').sort((a, b) => a.number - b.number) }
}

function readQueueItem(item: Json): QueueItem | null {
  if (!Array.isArray(item) || typeof item[1] !== 'string') return null
  const extra = object(item[3])
  return {
    promptId: item[1],
    number: Number(item[0]),
    prompt: object(item[2]),
    workflow: workflowOf(extra),
    clientId: typeof extra['client_id'] === 'string' ? extra['client_id'] : null,
  }
}

/** Reads the answer of `/history` or `/history/ID`, oldest first. */
export function readHistory(value: Json): HistoryRecord[] {
  return Object.entries(object(value)).map(([promptId, entry]) => {
    const record = object(entry)
    const item = array(record['prompt'])
    const status = object(record['status'])
    const messages = array(status['messages']).flatMap((message) =>
      Array.isArray(message) ? [[text(message[0]), object(message[1])] as const] : [],
    )
    const interrupted = messages.some(([name]) => name === 'execution_interrupted')
    const start = messages.findLast(([name]) => name === 'execution_start')
    const stored = messages.findLast(([name]) => name === 'execution_cached')
    return {
      promptId,
      number: Number(item[0] ?? 0),
      prompt: object(item[2]),
      workflow: workflowOf(object(item[3])),
      outputs: object(record['outputs']) as Record<NodeId, JsonObject>,
      status: interrupted ? 'interrupted' : status['status_str'] === 'success' ? 'success' : 'error',
      cached: array(stored?.[1]['nodes']).map(String),
      startedAt: timeOf(start),
      endedAt: start ? timeOf(messages.at(-1)) : null,
      messages,
    }
  })
}

const timeOf = (message: readonly [string, JsonObject] | undefined): number | null =>
  typeof message?.[1]['timestamp'] === 'number' ? message[1]['timestamp'] : null

function workflowOf(extra: JsonObject): JsonObject | null {
  const workflow = object(extra['extra_pnginfo'])['workflow']
  return isObject(workflow) ? workflow : null
}

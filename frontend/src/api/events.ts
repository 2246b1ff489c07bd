/** Messages of the event socket: from frames to typed events. Unknown types come through as `other`. */
import { parseLossless } from '../formats/lossless-json'
import type { JsonObject, NodeId } from '../graph/model'
import { array, isObject, object, text } from './wire'

/** Progress of one node. */
export interface NodeProgress {
  readonly node: NodeId
  readonly state: 'running' | 'finished' | 'error'
  readonly value: number
  readonly max: number
}

/**
 * What the server tells. Nodes are those on the canvas (`display_node`). `receivedAt`, in milliseconds since 1970, stands
 * where the server names no time itself.
 */
export type ServerEvent =
  | { readonly type: 'status'; readonly queueRemaining: number; readonly sid: string | null }
  | { readonly type: 'feature_flags'; readonly flags: JsonObject }
  | { readonly type: 'execution_start'; readonly promptId: string; readonly at: number | null }
  | { readonly type: 'execution_cached'; readonly promptId: string; readonly nodes: readonly NodeId[] }
  | {
      readonly type: 'progress_state'
      readonly promptId: string
      readonly nodes: readonly NodeProgress[]
      readonly receivedAt: number
    }
  /** `promptId` is null right after connecting to a run in progress; `node` is null when a prompt ended. */
  | {
      readonly type: 'executing'
      readonly promptId: string | null
      readonly node: NodeId | null
      readonly receivedAt: number
    }
  | {
      readonly type: 'progress'
      readonly promptId: string | null
      readonly node: NodeId | null
      readonly value: number
      readonly max: number
      readonly receivedAt: number
    }
  | {
      readonly type: 'executed'
      readonly promptId: string
      readonly node: NodeId
      readonly output: JsonObject
      readonly receivedAt: number
    }
  | {
      readonly type: 'execution_success'
      readonly promptId: string
      readonly at: number | null
      readonly receivedAt: number
    }
  | {
      readonly type: 'execution_error'
      readonly promptId: string
      readonly node: NodeId | null
      readonly nodeType: string
      readonly message: string
      readonly errorType: string
      readonly traceback: readonly string[]
    }
  | { readonly type: 'execution_interrupted'; readonly promptId: string; readonly node: NodeId | null }
  | {
      readonly type: 'preview'
      readonly promptId: string | null
      readonly node: NodeId | null
      readonly mime: string
      readonly bytes: Uint8Array<ArrayBuffer>
    }
  | { readonly type: 'text'; readonly node: NodeId; readonly text: string }
  | { readonly type: 'other'; readonly name: string; readonly data: JsonObject }

/** Reads a text frame that came at the given time; null when it is no message. */
export function decodeText(frame: string, receivedAt: number = Date.now()): ServerEvent | null {
  let message: unknown
  try {
    message = parseLossless(frame)
  } catch {
    return null
  }
  if (!isObject(message) || typeof message['type'] !== 'string') return null
  return decodeMessage(message['type'], object(message['data']), receivedAt)
}

function decodeMessage(name: string, data: JsonObject, receivedAt: number): ServerEvent {
  const promptId = text(data['prompt_id'])
  const at = typeof data['timestamp'] === 'number' ? data['timestamp'] : null
  switch (name) {
    case 'status': {
      const info = object(object(data['status'])['exec_info'])
      return { type: 'status', queueRemaining: count(info['queue_remaining']), sid: text(data['sid']) || null }
    }
    case 'feature_flags':
      return { type: 'feature_flags', flags: data }
    case 'execution_start':
      return { type: 'execution_start', promptId, at }
    case 'execution_cached':
      return { type: 'execution_cached', promptId, nodes: array(data['nodes']).map(id) }
    case 'progress_state':
      return { type: name, promptId, nodes: Object.entries(object(data['nodes'])).map(nodeProgress), receivedAt }
    case 'executing':
      return { type: name, promptId: promptId || null, node: shownNode(data), receivedAt }
    case 'progress':
      return { type: name, promptId: promptId || null, node: shownNode(data), ...range(data), receivedAt }
    case 'executed':
      return { type: name, promptId, node: shownNode(data) ?? '', output: object(data['output']), receivedAt }
    case 'execution_success':
      return { type: name, promptId, at, receivedAt }
    case 'execution_error':
      return {
        type: 'execution_error',
        promptId,
        node: nodeId(data['node_id']),
        nodeType: text(data['node_type']),
        message: text(data['exception_message']).trim(),
        errorType: text(data['exception_type']),
        traceback: array(data['traceback']).map(text),
      }
    case 'execution_interrupted':
      return { type: 'execution_interrupted', promptId, node: nodeId(data['node_id']) }
    default:
      return { type: 'other', name, data }
  }
}

function nodeProgress([key, entry]: [string, unknown]): NodeProgress {
  const data = object(entry)
  const state = data['state'] === 'finished' || data['state'] === 'error' ? data['state'] : 'running'
  return { node: nodeId(data['display_node_id']) ?? nodeId(data['node_id']) ?? key, state, ...range(data) }
}

const PREVIEW = 1
const TEXT = 3
const PREVIEW_WITH_METADATA = 4
const MIME_BY_FORMAT: Readonly<Record<number, string>> = { 1: 'image/jpeg', 2: 'image/png' }
const MIME_TYPES: ReadonlySet<string> = new Set(['image/jpeg', 'image/png', 'image/webp'])

/** Reads a binary frame (big endian: kind, then what the kind says); null when it is none that we know. */
export function decodeBinary(frame: ArrayBuffer): ServerEvent | null {
  if (frame.byteLength < 8) return null
  const view = new DataView(frame)
  const second = view.getUint32(4)
  const rest = new Uint8Array(frame, 8)
  switch (view.getUint32(0)) {
    case PREVIEW:
      return { type: 'preview', promptId: null, node: null, mime: MIME_BY_FORMAT[second] ?? 'image/jpeg', bytes: rest }
    case TEXT:
      if (second > rest.length) return null
      return { type: 'text', node: utf8(rest.subarray(0, second)), text: utf8(rest.subarray(second)) }
    case PREVIEW_WITH_METADATA:
      return second > rest.length ? null : previewWithMetadata(rest.subarray(0, second), rest.subarray(second))
    default:
      return null
  }
}

function previewWithMetadata(head: Uint8Array<ArrayBuffer>, bytes: Uint8Array<ArrayBuffer>): ServerEvent | null {
  let data: JsonObject
  try {
    data = object(parseLossless(utf8(head)))
  } catch {
    return null
  }
  const mime = text(data['image_type'])
  return {
    type: 'preview',
    promptId: text(data['prompt_id']) || null,
    node: nodeId(data['display_node_id']) ?? nodeId(data['node_id']),
    mime: MIME_TYPES.has(mime) ? mime : 'image/jpeg',
    bytes,
  }
}

const decoder = new TextDecoder()
const utf8 = (bytes: Uint8Array): string => decoder.decode(bytes)
const id = (value: unknown): NodeId => (typeof value === 'number' ? String(value) : text(value))
const nodeId = (value: unknown): NodeId | null => id(value) || null
const shownNode = (data: JsonObject): NodeId | null => nodeId(data['display_node']) ?? nodeId(data['node'])
const count = (value: unknown): number => (typeof value === 'number' ? value : 0)
const range = (data: JsonObject) => ({ value: count(data['value']), max: count(data['max']) })

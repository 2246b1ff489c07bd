/** What is known about the runs of one document: one pure reducer from server events to the state that the page shows. */
import type { JsonObject, NodeId } from '../graph/model'
import type { ServerEvent } from './events'
import {
  begun,
  done,
  IDLE_NODE,
  mapNodes,
  settle,
  stepped,
  withNode,
  type NodeRun,
  type NodeRuns,
  type RunError,
} from './node-run'
import type { HistoryRecord, NodeErrors, QueueState } from './wire'

/** How a prompt of a document is doing. */
export interface PromptRun {
  readonly promptId: string
  readonly state: 'queued' | 'running' | 'success' | 'error' | 'interrupted'
  readonly startedAt: number | null
  readonly endedAt: number | null
  readonly error: RunError | null
  readonly outputs: Readonly<Record<NodeId, JsonObject>>
}

/** Everything that is known about a document's runs. Unchanged parts keep their identity. */
export interface RunState {
  /** The document's prompt that is running. */
  readonly runningPrompt: string | null
  readonly runningNode: NodeId | null
  readonly nodes: NodeRuns
  /** Refused inputs, from the last prompt that was sent. */
  readonly nodeErrors: NodeErrors
  /** The document's prompts, oldest first. */
  readonly prompts: readonly PromptRun[]
  readonly lastError: RunError | null
}

/** What changes the state besides the server's events. */
export type LocalEvent =
  /** What waits and runs on the server now. */
  | { readonly type: 'queue'; readonly queue: QueueState }
  | { readonly type: 'prompt_queued'; readonly promptId: string; readonly nodeErrors: NodeErrors }
  /** A prompt of this document from before a reload. */
  | { readonly type: 'prompt_found'; readonly promptId: string; readonly running: boolean }
  | { readonly type: 'prompt_refused'; readonly nodeErrors: NodeErrors }
  /** A prompt's record was read, for example after the connection was lost while it ended. */
  | { readonly type: 'history'; readonly record: HistoryRecord }
  /** The server told how long nodes took, in seconds. */
  | { readonly type: 'node_seconds'; readonly seconds: Readonly<Record<NodeId, number>> }
  /** A preview arrived and has an address now. */
  | { readonly type: 'preview_url'; readonly node: NodeId | null; readonly url: string }
  | { readonly type: 'dismiss_error' }
  /** What was wrong with a node was changed or read: it is no longer shown. */
  | { readonly type: 'forget_errors'; readonly node: NodeId }
  /** Another workflow was opened in place of this one: node ids mean other nodes now. */
  | { readonly type: 'forget_nodes' }

/** Everything the reducer takes. */
export type RunEvent = ServerEvent | LocalEvent

const KEPT_PROMPTS = 100

/** The state before anything happened. */
export const initialRunState: RunState = {
  runningPrompt: null,
  runningNode: null,
  nodes: {},
  nodeErrors: {},
  prompts: [],
  lastError: null,
}

/** The state after an event. */
export function reduceRun(state: RunState, event: RunEvent): RunState {
  switch (event.type) {
    case 'queue':
      return withQueue(state, event.queue)
    case 'prompt_queued':
      return { ...withPrompt(state, event.promptId, {}), nodeErrors: event.nodeErrors }
    case 'prompt_found':
      return found(state, event.promptId, event.running)
    case 'prompt_refused':
      return { ...state, nodeErrors: event.nodeErrors }
    case 'execution_start':
      return started(state, event.promptId, event.at)
    case 'execution_cached':
      return onNodes(state, (nodes) =>
        event.nodes.reduce((next, node) => withNode(next, node, { status: 'cached', seconds: null }), nodes),
      )
    case 'progress_state':
      return withProgress(state, event)
    case 'executing':
      return executing(state, event)
    case 'progress': {
      const { node, value, max, receivedAt } = event
      return node === null ? state : onNodes(state, (nodes) => stepped(nodes, node, value, max, receivedAt))
    }
    case 'executed':
      return executed(state, event)
    case 'preview_url':
      return withPreview(state, event.node, event.url)
    case 'text':
      return onNodes(state, (nodes) => withNode(nodes, event.node, { text: event.text }))
    case 'execution_success':
      return succeeded(state, event)
    case 'execution_interrupted':
      return ended(state, event.promptId, { state: 'interrupted' })
    case 'execution_error':
      return failed(state, event)
    case 'history':
      return fromHistory(state, event.record)
    case 'node_seconds':
      return onNodes(state, (nodes) => withSeconds(nodes, event.seconds))
    case 'dismiss_error':
      return { ...state, lastError: null }
    case 'forget_errors':
      return withoutErrors(state, event.node)
    case 'forget_nodes':
      return initialRunState
    case 'status':
    case 'preview':
    case 'feature_flags':
    case 'other':
      return state
  }
}

function onNodes(state: RunState, change: (nodes: NodeRuns) => NodeRuns): RunState {
  const nodes = change(state.nodes)
  return nodes === state.nodes ? state : { ...state, nodes }
}

function withoutErrors(state: RunState, node: NodeId): RunState {
  const { [node]: _gone, ...nodeErrors } = state.nodeErrors
  const healed = state.nodes[node]?.error
    ? onNodes(state, (nodes) => withNode(nodes, node, { error: null, status: 'idle' }))
    : state
  return { ...healed, nodeErrors, lastError: state.lastError?.node === node ? null : state.lastError }
}

function found(state: RunState, promptId: string, running: boolean): RunState {
  const next = withPrompt(state, promptId, { state: running ? 'running' : 'queued' })
  return running ? { ...next, runningPrompt: promptId } : next
}

function started(state: RunState, promptId: string, at: number | null): RunState {
  const nodes = mapNodes(state.nodes, (run) => ({ ...IDLE_NODE, output: run.output }))
  const next = { ...state, nodes, runningPrompt: promptId, runningNode: null, lastError: null }
  return withPrompt(next, promptId, { state: 'running', startedAt: at })
}

function executing(state: RunState, { promptId, node, receivedAt }: ServerEvent & { type: 'executing' }): RunState {
  if (node === null) return { ...over(state), nodes: mapNodes(state.nodes, settle) }
  const before = state.runningNode
  const left =
    before !== null && before !== node && state.nodes[before]?.status === 'running'
      ? done(state.nodes, before, receivedAt)
      : state.nodes
  const nodes = begun(left, node, receivedAt)
  return { ...state, nodes, runningNode: node, runningPrompt: promptId ?? state.runningPrompt }
}

const over = (state: RunState): RunState => ({ ...state, runningPrompt: null, runningNode: null })

function withProgress(state: RunState, event: ServerEvent & { type: 'progress_state' }): RunState {
  return onNodes(state, (before) =>
    event.nodes.reduce((nodes, { node, state: status, value, max }) => {
      if (status === 'running') return stepped(nodes, node, value, max, event.receivedAt)
      // Finished nodes are repeated in every message.
      if (status === 'finished') return done(nodes, node, event.receivedAt)
      return withNode(nodes, node, { status, progress: null })
    }, before),
  )
}

function executed(state: RunState, event: ServerEvent & { type: 'executed' }): RunState {
  const { node, output, promptId, receivedAt } = event
  const known = state.prompts.find((prompt) => prompt.promptId === promptId)
  const nodes = withNode(done(state.nodes, node, receivedAt), node, { output, progress: null, preview: null })
  return withPrompt({ ...state, nodes }, promptId, { outputs: { ...known?.outputs, [node]: output } })
}

function withPreview(state: RunState, node: NodeId | null, url: string): RunState {
  const target = node ?? state.runningNode
  return target === null ? state : onNodes(state, (nodes) => withNode(nodes, target, { preview: url }))
}

function failed(state: RunState, event: ServerEvent & { type: 'execution_error' }): RunState {
  const { message, errorType: type, node, nodeType, traceback } = event
  const error: RunError = { message, type, node, nodeType, traceback }
  const marked =
    node === null ? state : onNodes(state, (nodes) => withNode(nodes, node, { status: 'error', error, progress: null }))
  return { ...ended(marked, event.promptId, { state: 'error', error }), lastError: error }
}

function succeeded(
  state: RunState,
  { promptId, at, receivedAt }: ServerEvent & { type: 'execution_success' },
): RunState {
  const running = Object.keys(state.nodes).filter((id) => state.nodes[id]?.status === 'running')
  const all = onNodes(state, (nodes) => running.reduce((next, id) => done(next, id, receivedAt), nodes))
  return ended(all, promptId, { state: 'success', endedAt: at })
}

function ended(state: RunState, promptId: string, change: Partial<PromptRun>): RunState {
  return withPrompt(
    onNodes(state, (nodes) => mapNodes(nodes, settle)),
    promptId,
    change,
  )
}

/** The server's queue is the truth about what runs: a prompt that vanished from it is over; its history tells how it went. */
function withQueue(state: RunState, { running, pending }: QueueState): RunState {
  const id = state.runningPrompt
  const alive = id === null || [...running, ...pending].some((item) => item.promptId === id)
  return alive ? state : { ...over(state), nodes: mapNodes(state.nodes, settle) }
}

function fromHistory(state: RunState, { promptId, outputs, status, cached }: HistoryRecord): RunState {
  const shown = Object.entries(outputs).reduce((next, [node, output]) => withNode(next, node, { output }), state.nodes)
  const marked = cached.reduce((next, node) => {
    return (next[node] ?? IDLE_NODE).status === 'idle' ? withNode(next, node, { status: 'cached' }) : next
  }, shown)
  const next = withPrompt({ ...state, nodes: marked }, promptId, { state: status, outputs })
  return state.runningPrompt === promptId ? { ...over(next), nodes: mapNodes(marked, settle) } : next
}

function withSeconds(nodes: NodeRuns, seconds: Readonly<Record<NodeId, number>>): NodeRuns {
  return Object.entries(seconds).reduce((next, [node, taken]) => {
    const known: NodeRun = next[node] ?? IDLE_NODE
    const status = known.status === 'idle' ? 'finished' : known.status
    return known.seconds !== null || status === 'running' ? next : withNode(next, node, { status, seconds: taken })
  }, nodes)
}

function withPrompt(state: RunState, promptId: string, change: Partial<PromptRun>): RunState {
  const fresh: PromptRun = { promptId, state: 'queued', startedAt: null, endedAt: null, error: null, outputs: {} }
  const at = state.prompts.findIndex((prompt) => prompt.promptId === promptId)
  if (at < 0) return { ...state, prompts: [...state.prompts, { ...fresh, ...change }].slice(-KEPT_PROMPTS) }
  return { ...state, prompts: state.prompts.map((prompt, index) => (index === at ? { ...prompt, ...change } : prompt)) }
}

/** What is known about runs: one pure reducer from server events to the state that the page shows. */
import type { JsonObject, NodeId } from '../graph/model'
import type { ServerEvent } from './events'
import type { HistoryRecord, NodeErrors, QueueState } from './wire'

/** What a node is doing in the prompt that ran last. */
export interface NodeRun {
  readonly status: 'idle' | 'running' | 'finished' | 'cached' | 'error'
  /** Steps done and steps in all; null when the node tells none. */
  readonly progress: { readonly value: number; readonly max: number } | null
  /** Object URL of the last preview; revoked when it is replaced. */
  readonly preview: string | null
  /** Result for people (`images`, `text`, ...); stays until the next result. */
  readonly output: JsonObject | null
  /** Text the node sent while it ran. */
  readonly text: string | null
  /** Why it failed while running. */
  readonly error: RunError | null
}

/** A failure while running. */
export interface RunError {
  readonly message: string
  readonly type: string
  readonly node: NodeId | null
  readonly nodeType: string
  readonly traceback: readonly string[]
}

/** How a prompt of this tab is doing. */
export interface PromptRun {
  readonly promptId: string
  readonly state: 'queued' | 'running' | 'success' | 'error' | 'interrupted'
  readonly startedAt: number | null
  readonly endedAt: number | null
  readonly error: RunError | null
  readonly outputs: Readonly<Record<NodeId, JsonObject>>
}

/** State of the wire to the server. `lost`: it was there, and is being sought again. */
export type Connection = 'connecting' | 'open' | 'lost'

/** State of the process that makes the pictures. */
export type ExecutorState = 'unknown' | 'starting' | 'ready' | 'busy' | 'dead'

/** Everything that is known about runs. Unchanged parts keep their identity. */
export interface RunState {
  readonly connection: Connection
  readonly executor: ExecutorState
  /** What the executor is on: the device, or why it stopped. */
  readonly executorDetail: string
  readonly queueRemaining: number
  readonly queue: QueueState
  /** The prompt that is running, of whichever tab. */
  readonly runningPrompt: string | null
  readonly runningNode: NodeId | null
  readonly nodes: Readonly<Record<NodeId, NodeRun>>
  /** Refused inputs, from the last prompt that was sent. */
  readonly nodeErrors: NodeErrors
  /** Prompts of this tab, oldest first. */
  readonly prompts: readonly PromptRun[]
  readonly lastError: RunError | null
}

/** What changes the state besides the server's events. */
export type LocalEvent =
  | { readonly type: 'connection'; readonly connection: Connection }
  | { readonly type: 'executor'; readonly state: ExecutorState; readonly detail?: string }
  | { readonly type: 'queue'; readonly queue: QueueState }
  | { readonly type: 'prompt_queued'; readonly promptId: string; readonly nodeErrors: NodeErrors }
  /** A prompt of this tab from before a reload. */
  | { readonly type: 'prompt_found'; readonly promptId: string; readonly running: boolean }
  | { readonly type: 'prompt_refused'; readonly nodeErrors: NodeErrors }
  /** A prompt's record was read, for example after the connection was lost while it ended. */
  | { readonly type: 'history'; readonly record: HistoryRecord }
  /** A preview arrived and has an address now. */
  | {
      readonly type: 'preview_url'
      readonly promptId: string | null
      readonly node: NodeId | null
      readonly url: string
    }
  | { readonly type: 'dismiss_error' }
  /** What was wrong with a node was changed or read: it is no longer shown. */
  | { readonly type: 'forget_errors'; readonly node: NodeId }
  /** Another document was opened: node ids mean other nodes now. */
  | { readonly type: 'forget_nodes' }

/** Everything the reducer takes. */
export type RunEvent = ServerEvent | LocalEvent

const KEPT_PROMPTS = 100

/** The state before anything happened. */
export const initialRunState: RunState = {
  connection: 'connecting',
  executor: 'unknown',
  executorDetail: '',
  queueRemaining: 0,
  queue: { running: [], pending: [] },
  runningPrompt: null,
  runningNode: null,
  nodes: {},
  nodeErrors: {},
  prompts: [],
  lastError: null,
}

/** A node that nothing is known about. */
export const IDLE_NODE: NodeRun = {
  status: 'idle',
  progress: null,
  preview: null,
  output: null,
  text: null,
  error: null,
}

/** The state after an event. */
export function reduceRun(state: RunState, event: RunEvent): RunState {
  switch (event.type) {
    case 'connection':
      return { ...state, connection: event.connection }
    case 'executor':
      return withExecutor(state, event.state, event.detail ?? '')
    case 'queue':
      return withQueue(state, event.queue)
    case 'status':
      return { ...state, queueRemaining: event.queueRemaining }
    case 'prompt_queued':
      return { ...withPrompt(state, event.promptId, {}), nodeErrors: event.nodeErrors }
    case 'prompt_found':
      return withPrompt(state, event.promptId, { state: event.running ? 'running' : 'queued' })
    case 'prompt_refused':
      return { ...state, nodeErrors: event.nodeErrors }
    case 'execution_start':
      return started(state, event.promptId, event.at)
    case 'execution_cached':
      return event.nodes.reduce((next, node) => withNode(next, node, { status: 'cached' }), state)
    case 'progress_state':
      return withProgress(state, event)
    case 'executing':
      return executing(state, event)
    case 'progress':
      return event.node === null
        ? state
        : withNode(state, event.node, { status: 'running', progress: { value: event.value, max: event.max } })
    case 'executed':
      return executed(state, event)
    case 'preview_url':
      return withPreview(state, event.node, event.url)
    case 'text':
      return withNode(state, event.node, { text: event.text })
    case 'execution_success':
      return ended(state, event.promptId, { state: 'success', endedAt: event.at })
    case 'execution_interrupted':
      return ended(state, event.promptId, { state: 'interrupted' })
    case 'execution_error':
      return failed(state, event)
    case 'history':
      return fromHistory(state, event.record)
    case 'dismiss_error':
      return { ...state, lastError: null }
    case 'forget_errors':
      return withoutErrors(state, event.node)
    case 'forget_nodes':
      return { ...state, nodes: {}, nodeErrors: {}, runningNode: null }
    case 'preview':
    case 'feature_flags':
    case 'other':
      return state
  }
}

function withoutErrors(state: RunState, node: NodeId): RunState {
  const { [node]: _gone, ...nodeErrors } = state.nodeErrors
  const failed = state.nodes[node]?.error ? withNode(state, node, { error: null, status: 'idle' }) : state
  return { ...failed, nodeErrors, lastError: state.lastError?.node === node ? null : state.lastError }
}

function withExecutor(state: RunState, executor: ExecutorState, executorDetail: string): RunState {
  const same = state.executor === executor && state.executorDetail === executorDetail
  return same ? state : { ...state, executor, executorDetail }
}

function started(state: RunState, promptId: string, at: number | null): RunState {
  const nodes = mapNodes(state, (run) => ({ ...IDLE_NODE, output: run.output }))
  return withPrompt({ ...nodes, runningPrompt: promptId, runningNode: null, lastError: null }, promptId, {
    state: 'running',
    startedAt: at,
  })
}

function executing(state: RunState, { promptId, node }: ServerEvent & { type: 'executing' }): RunState {
  if (node === null) {
    const done = mapNodes(state, (run) => settle(run))
    return { ...done, runningNode: null, runningPrompt: null }
  }
  const next = withNode(finishOther(state, node), node, { status: 'running' })
  return { ...next, runningNode: node, runningPrompt: promptId ?? state.runningPrompt }
}

/** The node that ran until now has finished, unless its progress says otherwise. */
function finishOther(state: RunState, node: NodeId): RunState {
  const before = state.runningNode
  if (before === null || before === node || state.nodes[before]?.status !== 'running') return state
  return withNode(state, before, { status: 'finished', progress: null })
}

/** A prompt is over: nothing runs any more, and previews make room for results. */
function settle(run: NodeRun): NodeRun {
  const status = run.status === 'running' ? 'idle' : run.status
  return { ...run, status, progress: null, preview: null }
}

function withProgress(state: RunState, event: ServerEvent & { type: 'progress_state' }): RunState {
  let next = state
  for (const { node, state: status, value, max } of event.nodes) {
    const known = next.nodes[node]
    // Finished nodes are repeated in every message; cached ones stay marked as cached.
    if (status === 'finished' && (known?.status === 'finished' || known?.status === 'cached')) continue
    const progress = status === 'running' && max > 1 ? { value, max } : null
    next = withNode(next, node, { status, progress })
  }
  return next
}

function executed(state: RunState, event: ServerEvent & { type: 'executed' }): RunState {
  const known = state.prompts.find((prompt) => prompt.promptId === event.promptId)
  const status = state.nodes[event.node]?.status === 'cached' ? 'cached' : 'finished'
  const next = withNode(state, event.node, { output: event.output, progress: null, preview: null, status })
  return withPrompt(next, event.promptId, { outputs: { ...known?.outputs, [event.node]: event.output } })
}

function withPreview(state: RunState, node: NodeId | null, url: string): RunState {
  const target = node ?? state.runningNode
  return target === null ? state : withNode(state, target, { preview: url })
}

function failed(state: RunState, event: ServerEvent & { type: 'execution_error' }): RunState {
  const { message, errorType: type, node, nodeType, traceback } = event
  const error: RunError = { message, type, node, nodeType, traceback }
  const marked = node === null ? state : withNode(state, node, { status: 'error', error, progress: null })
  return { ...ended(marked, event.promptId, { state: 'error', error }), lastError: error }
}

function ended(state: RunState, promptId: string, change: Partial<PromptRun>): RunState {
  return withPrompt(mapNodes(state, settle), promptId, change)
}

/** The server's queue is the truth about what runs; prompts that vanished from it are settled by their history. */
function withQueue(state: RunState, queue: QueueState): RunState {
  const runningPrompt = queue.running[0]?.promptId ?? null
  const queueRemaining = queue.running.length + queue.pending.length
  const next = { ...state, queue, queueRemaining, runningPrompt }
  if (runningPrompt !== null || state.runningNode === null) return next
  return { ...mapNodes(next, settle), runningNode: null }
}

function fromHistory(state: RunState, record: HistoryRecord): RunState {
  const withOutputs = Object.entries(record.outputs).reduce(
    (next, [node, output]) => withNode(next, node, { output }),
    state,
  )
  const ending = { state: record.status, outputs: record.outputs }
  const other = state.runningPrompt !== null && state.runningPrompt !== record.promptId
  return other ? withPrompt(withOutputs, record.promptId, ending) : ended(withOutputs, record.promptId, ending)
}

function withNode(state: RunState, node: NodeId, change: Partial<NodeRun>): RunState {
  const before = state.nodes[node] ?? IDLE_NODE
  const next = { ...before, ...change }
  return same(before, next) && node in state.nodes ? state : { ...state, nodes: { ...state.nodes, [node]: next } }
}

function mapNodes(state: RunState, change: (run: NodeRun) => NodeRun): RunState {
  const nodes = Object.fromEntries(
    Object.entries(state.nodes).map(([id, run]) => {
      const next = change(run)
      return [id, same(run, next) ? run : next]
    }),
  )
  return { ...state, nodes }
}

function same(a: NodeRun, b: NodeRun): boolean {
  return (Object.keys(a) as (keyof NodeRun)[]).every((key) => {
    if (key !== 'progress') return a[key] === b[key]
    return a.progress?.value === b.progress?.value && a.progress?.max === b.progress?.max
  })
}

function withPrompt(state: RunState, promptId: string, change: Partial<PromptRun>): RunState {
  const fresh: PromptRun = { promptId, state: 'queued', startedAt: null, endedAt: null, error: null, outputs: {} }
  const at = state.prompts.findIndex((prompt) => prompt.promptId === promptId)
  if (at < 0) return { ...state, prompts: [...state.prompts, { ...fresh, ...change }].slice(-KEPT_PROMPTS) }
  return { ...state, prompts: state.prompts.map((prompt, index) => (index === at ? { ...prompt, ...change } : prompt)) }
}

/** What is known about the server, whichever document is shown: connection, executor, queue; kept by run-session.ts. */
import type { ServerEvent } from './events'
import type { QueueState } from './wire'

/** State of the wire to the server. `lost`: it was there, and is being sought again. */
export type Connection = 'connecting' | 'open' | 'lost'

/** State of the process that makes the pictures. */
export type ExecutorState = 'unknown' | 'starting' | 'ready' | 'busy' | 'dead'

export interface ServerState {
  readonly connection: Connection
  readonly executor: ExecutorState
  /** What the executor is on: the device, or why it stopped. */
  readonly executorDetail: string
  readonly queueRemaining: number
  readonly queue: QueueState
  /** The prompt that is running, whoever sent it. */
  readonly runningPrompt: string | null
}

/** What changes the state besides the server's events. */
export type ServerChange =
  | { readonly type: 'connection'; readonly connection: Connection }
  | { readonly type: 'executor'; readonly state: ExecutorState; readonly detail: string }
  | { readonly type: 'queue'; readonly queue: QueueState }

/** The state before anything happened. */
export const initialServerState: ServerState = {
  connection: 'connecting',
  executor: 'unknown',
  executorDetail: '',
  queueRemaining: 0,
  queue: { running: [], pending: [] },
  runningPrompt: null,
}

/** The state after an event; the same object when it says nothing new. */
export function reduceServer(state: ServerState, event: ServerEvent | ServerChange): ServerState {
  switch (event.type) {
    case 'connection':
      return { ...state, connection: event.connection }
    case 'executor': {
      const same = state.executor === event.state && state.executorDetail === event.detail
      return same ? state : { ...state, executor: event.state, executorDetail: event.detail }
    }
    case 'queue': {
      const { queue } = event
      const queueRemaining = queue.running.length + queue.pending.length
      return { ...state, queue, queueRemaining, runningPrompt: queue.running[0]?.promptId ?? null }
    }
    case 'status':
      return { ...state, queueRemaining: event.queueRemaining }
    case 'execution_start':
      return { ...state, runningPrompt: event.promptId }
    case 'executing':
      return event.node === null ? { ...state, runningPrompt: null } : state
    default:
      return state
  }
}

/** What a node is doing or did in the run that is shown, and how that changes; used by run-state.ts. */
import type { JsonObject, NodeId } from '../graph/model'

/** What a node is doing in the prompt that ran last. */
export interface NodeRun {
  readonly status: 'idle' | 'running' | 'finished' | 'cached' | 'error'
  /** Steps done and steps in all; null when the node tells none. */
  readonly progress: Progress | null
  /** Object URL of the last preview; revoked when it is replaced. */
  readonly preview: string | null
  /** Result for people (`images`, `text`, ...); stays until the next result. */
  readonly output: JsonObject | null
  /** Text the node sent while it ran. */
  readonly text: string | null
  /** Why it failed while running. */
  readonly error: RunError | null
  /** When it began, in milliseconds since 1970 by this computer's clock; null: it did not, or before the page came. */
  readonly startedAt: number | null
  /** How long it took, in seconds; null while it runs, when it was cached, and when nobody knows. */
  readonly seconds: number | null
}

export interface Progress {
  readonly value: number
  readonly max: number
  /** Seconds until the last step is done, if all steps take the same time; null when nothing can be said. */
  readonly secondsLeft: number | null
}

/** A failure while running. */
export interface RunError {
  readonly message: string
  readonly type: string
  readonly node: NodeId | null
  readonly nodeType: string
  readonly traceback: readonly string[]
}

/** A node that nothing is known about. */
export const IDLE_NODE: NodeRun = {
  status: 'idle',
  progress: null,
  preview: null,
  output: null,
  text: null,
  error: null,
  startedAt: null,
  seconds: null,
}

export type NodeRuns = Readonly<Record<NodeId, NodeRun>>

/** The nodes after a change of one of them; the same object when nothing differs. */
export function withNode(nodes: NodeRuns, id: NodeId, change: Partial<NodeRun>): NodeRuns {
  const before = nodes[id] ?? IDLE_NODE
  const next = { ...before, ...change }
  return same(before, next) && id in nodes ? nodes : { ...nodes, [id]: next }
}

/** The nodes after a change of all of them; unchanged ones keep their identity. */
export function mapNodes(nodes: NodeRuns, change: (run: NodeRun) => NodeRun): NodeRuns {
  return Object.fromEntries(
    Object.entries(nodes).map(([id, run]) => {
      const next = change(run)
      return [id, same(run, next) ? run : next]
    }),
  )
}

/** The node begins, or goes on. Times are milliseconds since 1970. */
export function begun(nodes: NodeRuns, id: NodeId, at: number): NodeRuns {
  const known = nodes[id]
  const startedAt = known?.status === 'running' ? known.startedAt : at
  return withNode(nodes, id, { status: 'running', startedAt, seconds: null })
}

/** The node made a step. */
export function stepped(nodes: NodeRuns, id: NodeId, value: number, max: number, at: number): NodeRuns {
  const running = begun(nodes, id, at)
  const { startedAt, progress } = running[id] ?? IDLE_NODE
  if (max <= 1) return withNode(running, id, { progress: null })
  if (progress?.value === value && progress.max === max) return running
  const perStep = startedAt === null || value <= 0 ? null : (at - startedAt) / 1000 / value
  const secondsLeft = perStep === null ? null : Math.max(0, perStep * (max - value))
  return withNode(running, id, { progress: { value, max, secondsLeft } })
}

/** The node is done; cached ones stay marked as cached. */
export function done(nodes: NodeRuns, id: NodeId, at: number): NodeRuns {
  const known = nodes[id]
  if (known?.status === 'finished' || known?.status === 'cached') return nodes
  return withNode(nodes, id, { status: 'finished', progress: null, seconds: secondsOf(known, at) })
}

/** A prompt is over: nothing runs any more, and previews make room for results. */
export function settle(run: NodeRun): NodeRun {
  const status = run.status === 'running' ? 'idle' : run.status
  return { ...run, status, progress: null, preview: null }
}

function secondsOf(run: NodeRun | undefined, at: number): number | null {
  return run?.status === 'running' && run.startedAt !== null ? Math.max(0, at - run.startedAt) / 1000 : null
}

function same(a: NodeRun, b: NodeRun): boolean {
  return (Object.keys(a) as (keyof NodeRun)[]).every((key) => {
    if (key !== 'progress') return a[key] === b[key]
    return a.progress?.value === b.progress?.value && a.progress?.max === b.progress?.max
  })
}

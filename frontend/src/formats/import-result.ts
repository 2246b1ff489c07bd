/** What every importer gives back. */
import type { Graph, NodeId } from '../graph/model'

/** Something that could not be taken over as it was. */
export interface ImportWarning {
  readonly node: NodeId | null
  readonly code: 'value-not-restored' | 'unknown-class' | 'link-dropped' | 'node-dropped' | 'id-changed'
  /** A sentence for people. */
  readonly message: string
}

/** A graph and what went wrong on the way. */
export interface ImportResult {
  readonly graph: Graph
  readonly warnings: readonly ImportWarning[]
  /** True when the file had no positions and the nodes still have to be laid out. */
  readonly needsLayout: boolean
}

/** The text or value is no workflow that we know; `message` is a sentence for people. */
export class NotAWorkflow extends Error {
  override readonly name = 'NotAWorkflow'
}

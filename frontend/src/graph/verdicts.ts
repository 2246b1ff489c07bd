/** What connecting and copying answer with; the document hands these on to the page. */
import type { GraphGroup, GraphLink, GraphNode, NodeId } from './model'

/** Why a connection was refused; for tests and translation. */
export type RefusalCode =
  'missing-node' | 'missing-slot' | 'same-node' | 'same-side' | 'type-mismatch' | 'cycle' | 'already-connected'

/** Verdict about a connection. `reason` is a sentence for people. */
export type ConnectionCheck =
  { readonly ok: true } | { readonly ok: false; readonly code: RefusalCode; readonly reason: string }

/** Both ends of a wanted connection. */
export interface ConnectionRequest {
  readonly source: NodeId
  readonly sourceSlot: number
  readonly target: NodeId
  readonly targetInput: string
}

/** Part of a graph, for clipboard and templates. Links with an end outside keep the outside end. */
export interface Clip {
  readonly nodes: readonly GraphNode[]
  readonly links: readonly GraphLink[]
  readonly groups: readonly GraphGroup[]
}

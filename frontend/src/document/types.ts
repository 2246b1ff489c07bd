/** The document's words: results, history, clipboard content. Read by the page; implemented by editor-document.ts. */
import type { GraphGroup, GraphLink, GraphNode, NodeId } from '../graph/model'

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

/** State of undo and redo, with the labels of the next steps. */
export interface HistoryState {
  readonly canUndo: boolean
  readonly canRedo: boolean
  readonly undoLabel: string | null
  readonly redoLabel: string | null
}

/** Part of a graph, for clipboard and templates. Links with an end outside keep the outside end. */
export interface Clip {
  readonly nodes: readonly GraphNode[]
  readonly links: readonly GraphLink[]
  readonly groups: readonly GraphGroup[]
}

/** Shape of the graph: changes when a node, link or its class comes or goes, not when something moves or is typed. */
export interface Topology {
  /** In drawing order. */
  readonly nodeIds: readonly NodeId[]
  readonly links: readonly GraphLink[]
}

/** Ends a subscription. */
export type Unsubscribe = () => void

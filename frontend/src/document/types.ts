/** The document's words: results, history, clipboard content. Read by the page; implemented by editor-document.ts. */
import type { GraphLink, NodeId } from '../graph/model'

export type { Clip, ConnectionCheck, ConnectionRequest, RefusalCode } from '../graph/verdicts'

/** State of undo and redo, with the labels of the next steps. */
export interface HistoryState {
  readonly canUndo: boolean
  readonly canRedo: boolean
  readonly undoLabel: string | null
  readonly redoLabel: string | null
}

/** Shape of the graph: changes when a node, link or its class comes or goes, not when something moves or is typed. */
export interface Topology {
  /** In drawing order. */
  readonly nodeIds: readonly NodeId[]
  readonly links: readonly GraphLink[]
}

/** Ends a subscription. */
export type Unsubscribe = () => void

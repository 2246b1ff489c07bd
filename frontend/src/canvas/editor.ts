/** The open document with its canvas and runs, handed to every component through React's context, and the hooks that read it. */
import { createContext, useCallback, useContext, useSyncExternalStore } from 'react'
import { useStore, type StoreApi } from 'zustand'
import type { ApiClient } from '@/api/client'
import type { RunSession } from '@/api/run-session'
import type { DocumentRun } from '@/api/document-run'
import { IDLE_NODE, type NodeRun } from '@/api/node-run'
import type { RunState } from '@/api/run-state'
import type { ServerState } from '@/api/server-state'
import type { NodeError } from '@/api/wire'
import type { CanvasState, CanvasView } from '@/canvas/canvas-view'
import type { HistoryState } from '@/document/types'
import type { Definitions } from '@/definitions/object-info'
import type { EditorDocument } from '@/document/editor-document'
import type { Json, NodeId } from '@/graph/model'

/** What components may ask of the editor. */
export interface Editor {
  /** The document's id; changes when another tab is shown. */
  readonly id: string
  readonly document: EditorDocument
  readonly canvas: CanvasView
  readonly api: ApiClient
  /** The server, whichever document is shown. */
  readonly session: RunSession
  /** The runs of this document. */
  readonly run: DocumentRun
  /** The server's node classes; `null` until they are here. */
  readonly catalog: StoreApi<{ readonly definitions: Definitions | null }>
  /** Puts a file into the server's input folder and chooses it in a node's upload combo. */
  uploadInto(node: NodeId, input: string, file: File): Promise<void>
}

export const EditorContext = createContext<Editor | null>(null)

export function useEditor(): Editor {
  const editor = useContext(EditorContext)
  if (!editor) throw new Error('This component has to stand inside EditorContext.')
  return editor
}

/** One widget's value; re-renders for nothing else. */
export function useWidget(id: NodeId, name: string): Json | undefined {
  const { document } = useEditor()
  return useSyncExternalStore(
    useCallback((listener) => document.subscribeWidget(id, name, listener), [document, id, name]),
    useCallback(() => document.getWidget(id, name), [document, id, name]),
  )
}

export function useHistory(): HistoryState {
  const { document } = useEditor()
  return useSyncExternalStore(document.subscribeHistory, document.getHistory)
}

export const useCatalog = (): Definitions | null => useStore(useEditor().catalog, (state) => state.definitions)

/** Part of the server's state; `select` has to return the same object while nothing changed. */
export function useServer<T>(select: (state: ServerState) => T): T {
  const { session } = useEditor()
  return useSyncExternalStore(session.subscribe, () => select(session.getState()))
}

/** Part of the document's run state; `select` has to return the same object while nothing changed. */
export function useRun<T>(select: (state: RunState) => T): T {
  const { run } = useEditor()
  return useSyncExternalStore(run.subscribe, () => select(run.getState()))
}

export const useNodeRun = (id: NodeId): NodeRun => useRun((state) => state.nodes[id] ?? IDLE_NODE)

/** Inputs of a node that the server refused. */
export const useRefusals = (id: NodeId): readonly NodeError[] => useRun((state) => state.nodeErrors[id] ?? NONE)
const NONE: readonly NodeError[] = []

export function useCanvas<T>(select: (state: CanvasState) => T): T {
  return useStore(useEditor().canvas.store, select)
}

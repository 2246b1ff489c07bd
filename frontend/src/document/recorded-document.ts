/** Writing into a document so that it can be taken back: transactions, undo and redo. editor-document.ts builds on it. */
import type { Graph, GraphLink, GraphNode, GraphViewport, Json, JsonObject, NodeId } from '../graph/model'
import { History, type Steps } from './history'
import { toNodeMap, toStored, type NodeField, type NodeMap } from './node-map'
import { EDIT, UNDO, UNTRACKED } from './origins'
import { sameStored, type Place, type Stored } from './places'
import { ReadableDocument, type DocumentOptions } from './readable-document'
import { linkKey, toTuple } from './repair'
import type { HistoryState, Unsubscribe } from './types'
import { encode } from './yjs-codec'

/** How a change is recorded. */
export interface TransactOptions {
  /** Changes with the same key that follow each other closely become one undo step. */
  readonly mergeKey?: string
  /** False: the change is no undo step. */
  readonly undoable?: boolean
}

/** Every change goes through {@link RecordedDocument.transact}. */
export abstract class RecordedDocument extends ReadableDocument {
  readonly #history: History
  /** Whether what is written now is remembered for undo. */
  #recording = false

  constructor(options: DocumentOptions & { readonly now?: () => number } = {}) {
    super(options)
    this.#history = new History(this.places, options.now)
  }

  getHistory = (): HistoryState => this.#history.state

  subscribeHistory = (listener: () => void): Unsubscribe => this.subscriptions.onTopic('history', listener)

  /** The steps that undo and redo would take, as plain data to be kept on disk. */
  getSteps = (): Steps => this.#history.steps()

  /** Goes on with the steps of an earlier page; call it once the content of that page is there. */
  restoreSteps(steps: Steps): void {
    this.#history.restore(steps)
    this.#refreshHistory()
  }

  /** Replaces everything by the given graph; there is nothing to undo afterwards. */
  load(graph: Graph): void {
    const { nodes, links, groups } = this.places
    this.ydoc.transact(() => {
      for (const map of [nodes, links, groups, this.meta]) map.clear()
      for (const node of graph.nodes) nodes.set(node.id, toNodeMap(toStored(node)))
      for (const link of graph.links) links.set(linkKey(link.target, link.targetInput), toTuple(link))
      for (const group of graph.groups) groups.set(group.id, encode(group as unknown as Json))
      if (graph.viewport) this.meta.set('viewport', graph.viewport)
      this.meta.set('lastNodeId', graph.lastNodeId)
      this.meta.set('lastLinkId', graph.lastLinkId)
      this.meta.set('rest', encode(graph.rest))
    }, UNTRACKED)
    this.#history.clear()
    this.#refreshHistory()
  }

  /** Runs several operations as one undo step; nested calls join the outermost. Returns what `run` returns. */
  transact<T>(label: string, run: () => T, options: TransactOptions = {}): T {
    if (this.depth === 0) {
      this.#recording = options.undoable !== false
      if (this.#recording) this.#history.begin(label, options.mergeKey ?? null)
    }
    this.depth++
    try {
      return this.ydoc.transact(run, this.#recording ? EDIT : UNTRACKED)
    } finally {
      this.depth--
    }
  }

  /** Ends the merging of changes: what follows is an undo step of its own (focus left the field, pointer went up). */
  endStep(): void {
    this.#history.endStep()
  }

  /** Takes back the last own step; its label, or null when there was none. */
  undo(): string | null {
    const label = this.ydoc.transact(() => this.#history.undo(), UNDO)
    this.#refreshHistory()
    return label
  }

  /** Repeats the own step that was taken back last; its label, or null when there was none. */
  redo(): string | null {
    const label = this.ydoc.transact(() => this.#history.redo(), UNDO)
    this.#refreshHistory()
    return label
  }

  /** Remembers the view; not an undo step. */
  setViewport(viewport: GraphViewport): void {
    this.ydoc.transact(() => this.meta.set('viewport', viewport), UNTRACKED)
  }

  /** Replaces a top-level key of the file that the editor does not interpret. Not an undo step. */
  setRest(rest: JsonObject): void {
    this.ydoc.transact(() => this.meta.set('rest', encode(rest)), UNTRACKED)
  }

  /** Every edit goes through here, so that undo knows of it; `undefined` removes. */
  protected put(place: Place, value: Stored): void {
    const before = this.places.read(place)
    if (sameStored(before, value)) return
    this.places.write(place, value)
    if (this.#recording) this.#history.record(place, before, value)
  }

  protected insert(node: GraphNode): void {
    this.put(['nodes', node.id], toStored(node))
  }

  protected link(link: GraphLink): void {
    this.put(['links', linkKey(link.target, link.targetInput)], toTuple(link))
  }

  protected unlink(target: NodeId, input: string): void {
    this.put(['links', linkKey(target, input)], undefined)
  }

  /** Sets a field of a node that is there. */
  protected setField(id: NodeId, field: NodeField, value: unknown): void {
    if (this.places.nodes.has(id)) this.put(['nodes', id, field], value)
  }

  protected nextNodeId(): NodeId {
    return String(this.#nextId('lastNodeId', this.places.nodes.keys()))
  }

  protected nextLinkId(): number {
    return this.#nextId('lastLinkId', [])
  }

  /** Place in the drawing order above all nodes. */
  protected nextIndex(): number {
    let last = -1
    for (const map of this.places.nodes.values()) {
      last = Math.max(last, ((map as NodeMap).get('index') as number) ?? 0)
    }
    return last + 1
  }

  protected override finished(origin: unknown): void {
    if (origin !== EDIT) return
    this.#history.refresh()
    this.subscriptions.touch('history')
  }

  #nextId(key: 'lastNodeId' | 'lastLinkId', taken: Iterable<string>): number {
    let next = this.counter(key) + 1
    const used = new Set(taken)
    while (used.has(String(next))) next++
    this.meta.set(key, next)
    return next
  }

  #refreshHistory(): void {
    this.#history.refresh()
    this.subscriptions.touch('history')
    this.subscriptions.flush()
  }
}

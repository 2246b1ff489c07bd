/** What can be read of a document and listened to; recorded-document.ts adds writing, editor-document.ts the operations. */
import * as Y from 'yjs'
import { definitionForNode } from '../definitions/for-node'
import type { DefinitionSource, NodeDefinition } from '../definitions/types'
import type {
  Graph,
  GraphGroup,
  GraphLink,
  GraphNode,
  GraphViewport,
  Json,
  JsonObject,
  NodeId,
  NodeView,
} from '../graph/model'
import { LinkIndex, type GraphReader } from '../graph/reader'
import { ChangeWatch } from './change-watch'
import { readWidgets, toNodeView, WIDGETS, type NodeMap } from './node-map'
import { UNTRACKED } from './origins'
import { Places } from './places'
import { findMends, linkKey, toLink, type LinkTuple } from './repair'
import { Subscriptions } from './subscriptions'
import type { Topology, Unsubscribe } from './types'
import { decode } from './yjs-codec'

export interface DocumentOptions {
  readonly definitions?: DefinitionSource
  readonly ydoc?: Y.Doc
}

const NO_DEFINITIONS: DefinitionSource = { get: () => undefined }

/**
 * Reading methods return the same object until what they describe changes, so that they fit
 * `useSyncExternalStore(document.subscribeX, document.getX)`.
 */
export abstract class ReadableDocument implements GraphReader {
  readonly ydoc: Y.Doc
  protected readonly places: Places
  protected readonly meta: Y.Map<unknown>
  protected readonly subscriptions = new Subscriptions()
  /** How many transactions are open; meanwhile nothing that is read is remembered. */
  protected depth = 0
  readonly #watch: ChangeWatch
  readonly #views = new Map<NodeId, NodeView>()
  #definitions: DefinitionSource
  #topology: Topology | null = null
  #linkIndex: LinkIndex | null = null
  #groupList: readonly GraphGroup[] | null = null

  constructor({ definitions = NO_DEFINITIONS, ydoc = new Y.Doc() }: DocumentOptions = {}) {
    this.ydoc = ydoc
    this.#definitions = definitions
    this.places = new Places(ydoc)
    this.meta = ydoc.getMap('meta')
    const memory = {
      forgetNode: (id: NodeId) => this.#views.delete(id),
      forgetShape: () => this.#forgetShape(),
      forgetGroups: () => (this.#groupList = null),
    }
    this.#watch = new ChangeWatch(this.places, this.meta, memory, this.subscriptions)
    ydoc.on('afterTransaction', this.#afterTransaction)
  }

  /** Frees listeners; the document must not be used afterwards. */
  destroy(): void {
    this.ydoc.off('afterTransaction', this.#afterTransaction)
    this.#watch.stop()
  }

  /** A node without its widget values; changes identity when any of its fields changes. */
  getNode = (id: NodeId): NodeView | undefined => {
    const known = this.depth === 0 ? this.#views.get(id) : undefined
    if (known) return known
    const map = this.places.nodes.get(id)
    if (!(map instanceof Y.Map)) return undefined
    const view = toNodeView(id, map as NodeMap)
    if (this.depth === 0) this.#views.set(id, view)
    return view
  }

  /** Node ids in drawing order and all links; changes identity when a node or link comes, goes or changes class. */
  getTopology = (): Topology => {
    if (this.depth > 0) return this.#readTopology()
    this.#topology ??= this.#readTopology()
    return this.#topology
  }

  /** Value of one widget, `undefined` when the node or the value does not exist. */
  getWidget = (id: NodeId, name: string): Json | undefined => {
    const stored = this.places.read(['nodes', id, WIDGETS, name])
    return stored === undefined ? undefined : decode(stored)
  }

  /** All widget values of a node, as a new object. */
  getWidgets(id: NodeId): Record<string, Json> {
    const map = this.places.nodes.get(id)
    return map instanceof Y.Map ? readWidgets(map as NodeMap) : {}
  }

  /** Definition that applies to a node; unknown classes get a placeholder, missing nodes nothing. */
  definitionOf = (id: NodeId): NodeDefinition | undefined => {
    const node = this.getNode(id)
    return node && definitionForNode(node, this.#definitions, this)
  }

  linkInto = (id: NodeId, input: string): GraphLink | undefined => {
    return this.#index()
      .into(id)
      .find((link) => link.targetInput === input)
  }

  linksFrom = (id: NodeId): readonly GraphLink[] => this.#index().from(id)

  linksInto = (id: NodeId): readonly GraphLink[] => this.#index().into(id)

  /** Groups in the order of their ids; changes identity when any group changes. */
  getGroups = (): readonly GraphGroup[] => {
    const { groups } = this.places
    this.#groupList ??= [...groups.keys()]
      .map(Number)
      .sort((a, b) => a - b)
      .map((id) => decode(groups.get(String(id))) as unknown as GraphGroup)
    return this.#groupList
  }

  /** The saved view; not an undo step. */
  getViewport = (): GraphViewport | null => (this.meta.get('viewport') as GraphViewport | undefined) ?? null

  /** Top-level keys of the file that the editor does not interpret. */
  getRest(): JsonObject {
    return (decode(this.meta.get('rest') ?? {}) ?? {}) as JsonObject
  }

  /** The whole document as plain data, for export and compiling. */
  toGraph(): Graph {
    const { nodeIds, links } = this.getTopology()
    return {
      nodes: nodeIds.map((id) => this.#plainNode(id)),
      links,
      groups: this.getGroups(),
      viewport: this.getViewport(),
      lastNodeId: this.counter('lastNodeId'),
      lastLinkId: this.counter('lastLinkId'),
      rest: this.getRest(),
    }
  }

  get definitions(): DefinitionSource {
    return this.#definitions
  }

  /** Replaces the definitions, for example after the server found new node packs. Everyone is told. */
  setDefinitions(definitions: DefinitionSource): void {
    this.#definitions = definitions
    this.#views.clear()
    this.#topology = null
    this.subscriptions.touchDefinitions()
    this.subscriptions.flush()
  }

  /** A node's own fields; not its widget values. */
  subscribeNode = (id: NodeId, listener: () => void): Unsubscribe => this.subscriptions.onNode(id, listener)

  /** One widget's value. */
  subscribeWidget = (id: NodeId, name: string, listener: () => void): Unsubscribe =>
    this.subscriptions.onWidget(id, name, listener)

  /** Nodes and links coming and going. */
  subscribeTopology = (listener: () => void): Unsubscribe => this.subscriptions.onTopic('topology', listener)

  subscribeGroups = (listener: () => void): Unsubscribe => this.subscriptions.onTopic('groups', listener)

  subscribeViewport = (listener: () => void): Unsubscribe => this.subscriptions.onTopic('viewport', listener)

  /** Any change of what is saved, the viewport left out; for "unsaved" marks and auto-queue. */
  subscribeContent = (listener: () => void): Unsubscribe => this.subscriptions.onTopic('content', listener)

  /** Other node classes: nodes may look different now. */
  subscribeDefinitions = (listener: () => void): Unsubscribe => this.subscriptions.onTopic('definitions', listener)

  /** The largest id that was ever given away. */
  protected counter(key: 'lastNodeId' | 'lastLinkId'): number {
    return (this.meta.get(key) as number | undefined) ?? 0
  }

  /** A transaction of this origin is over; nobody was told yet. */
  protected abstract finished(origin: unknown): void

  #plainNode(id: NodeId): GraphNode {
    return { ...(this.getNode(id) as NodeView), widgets: this.getWidgets(id) }
  }

  #readTopology(): Topology {
    const indices = new Map<NodeId, number>()
    for (const [id, map] of this.places.nodes.entries()) indices.set(id, ((map as NodeMap).get('index') as number) ?? 0)
    const nodeIds = [...indices.keys()].sort(
      (a, b) => (indices.get(a) as number) - (indices.get(b) as number) || (a < b ? -1 : 1),
    )
    const links = [...this.places.links.values()]
      .map((tuple) => toLink(tuple as LinkTuple))
      .filter((link) => indices.has(link.source) && indices.has(link.target))
      .sort((a, b) => a.id - b.id || (linkKey(a.target, a.targetInput) < linkKey(b.target, b.targetInput) ? -1 : 1))
    return { nodeIds, links }
  }

  #index(): LinkIndex {
    if (this.depth > 0) return new LinkIndex(this.#readTopology().links)
    this.#linkIndex ??= new LinkIndex(this.getTopology().links)
    return this.#linkIndex
  }

  #forgetShape(): void {
    this.#topology = null
    this.#linkIndex = null
  }

  readonly #afterTransaction = ({ origin }: Y.Transaction): void => {
    if (this.#watch.takeShapeTouched()) this.#repair()
    this.finished(origin)
    this.#tellListeners()
  }

  /** The change is complete: who reads now may have the remembered objects again, though `transact` has not returned. */
  #tellListeners(): void {
    const { depth } = this
    this.depth = 0
    try {
      this.subscriptions.flush()
    } finally {
      this.depth = depth
    }
  }

  #repair(): void {
    const { nodes, links } = this.places
    const mends = findMends(nodes, links)
    if (mends.length === 0) return
    this.ydoc.transact(() => {
      for (const [key, tuple] of mends) {
        if (tuple) links.set(key, tuple)
        else links.delete(key)
      }
    }, UNTRACKED)
  }
}

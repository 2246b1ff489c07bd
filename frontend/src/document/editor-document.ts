/** The workflow that is being edited: a Yjs document with undo, fine-grained subscriptions and typed operations. */
import * as Y from 'yjs'
import { definitionForNode, defaultWidgets } from '../definitions/for-node'
import type { DefinitionSource, NodeDefinition } from '../definitions/types'
import type { HandleRef } from '../definitions/handles'
import { centreClip, cutClip, pasteClip, type PasteOptions } from '../graph/clipboard'
import { checkConnection } from '../graph/connect'
import { ancestors, descendants } from '../graph/cycles'
import {
  EMPTY_GRAPH,
  makeNode,
  type Graph,
  type GraphGroup,
  type GraphLink,
  type GraphNode,
  type GraphViewport,
  type Json,
  type JsonObject,
  type NodeId,
  type NodeMode,
  type NodeView,
  type Point,
  type SavedSlot,
  type Size,
} from '../graph/model'
import { LinkIndex, type GraphReader } from '../graph/reader'
import { outputType } from '../graph/slot-types'
import { History, type Steps } from './history'
import { readWidgets, toNodeMap, toNodeView, toStored, WIDGETS, type NodeField, type NodeMap } from './node-map'
import { Places, sameStored, type Place, type Stored } from './places'
import { findMends, linkKey, toLink, toTuple, type LinkTuple } from './repair'
import { Subscriptions } from './subscriptions'
import type { Clip, ConnectionCheck, ConnectionRequest, HistoryState, Topology, Unsubscribe } from './types'
import { decode, encode } from './yjs-codec'

/** Origins of changes: edits of the person; taking them back; loading, repair, seeds after a run. */
const EDIT = { name: 'edit' }
const UNDO = { name: 'undo' }
const UNTRACKED = { name: 'untracked' }

/** How a change is recorded. */
export interface TransactOptions {
  /** Changes with the same key that follow each other closely become one undo step. */
  readonly mergeKey?: string
  /** False: the change is no undo step. */
  readonly undoable?: boolean
}

/** Fields of a new node. */
export interface NewNode {
  readonly widgets?: Readonly<Record<string, Json>>
  readonly title?: string | null
  readonly size?: Size | null
  readonly mode?: NodeMode
}

const NOBODY: ReadonlySet<NodeId> = new Set()
const NO_DEFINITIONS: DefinitionSource = { get: () => undefined }

/**
 * The document. Reading methods return the same object until what they describe changes, so that they fit
 * `useSyncExternalStore(document.subscribeX, document.getX)`. Every operation is one undo step unless it runs inside
 * {@link EditorDocument.transact}.
 */
export class EditorDocument implements GraphReader {
  readonly ydoc: Y.Doc
  readonly #places: Places
  readonly #nodes: Y.Map<unknown>
  readonly #links: Y.Map<unknown>
  readonly #groups: Y.Map<unknown>
  readonly #meta: Y.Map<unknown>
  readonly #history: History
  readonly #subscriptions = new Subscriptions()
  readonly #views = new Map<NodeId, NodeView>()
  #definitions: DefinitionSource
  #topology: Topology | null = null
  #linkIndex: LinkIndex | null = null
  #groupList: readonly GraphGroup[] | null = null
  #depth = 0
  /** Whether what is written now is remembered for undo. */
  #recording = false
  #shapeTouched = false

  constructor(options: { definitions?: DefinitionSource; ydoc?: Y.Doc; now?: () => number } = {}) {
    this.ydoc = options.ydoc ?? new Y.Doc()
    this.#definitions = options.definitions ?? NO_DEFINITIONS
    this.#places = new Places(this.ydoc)
    const { nodes, links, groups } = this.#places
    this.#nodes = nodes
    this.#links = links
    this.#groups = groups
    this.#meta = this.ydoc.getMap('meta')
    this.#history = new History(this.#places, options.now)
    this.#nodes.observeDeep(this.#onNodes)
    this.#links.observe(this.#onLinks)
    this.#groups.observe(this.#onGroups)
    this.#meta.observe(this.#onMeta)
    this.ydoc.on('afterTransaction', this.#afterTransaction)
  }

  /** A document that holds the given graph, with nothing to undo. */
  static fromGraph(graph: Graph, definitions?: DefinitionSource): EditorDocument {
    const document = new EditorDocument(definitions ? { definitions } : {})
    document.load(graph)
    return document
  }

  // ---- reading ----

  /** A node without its widget values; changes identity when any of its fields changes. */
  getNode = (id: NodeId): NodeView | undefined => {
    const known = this.#depth === 0 ? this.#views.get(id) : undefined
    if (known) return known
    const map = this.#nodes.get(id)
    if (!(map instanceof Y.Map)) return undefined
    const view = toNodeView(id, map as NodeMap)
    if (this.#depth === 0) this.#views.set(id, view)
    return view
  }

  /** Node ids in drawing order and all links; changes identity when a node or link comes, goes or changes class. */
  getTopology = (): Topology => {
    if (this.#depth > 0) return this.#readTopology()
    this.#topology ??= this.#readTopology()
    return this.#topology
  }

  /** Value of one widget, `undefined` when the node or the value does not exist. */
  getWidget = (id: NodeId, name: string): Json | undefined => {
    const stored = this.#places.read(['nodes', id, WIDGETS, name])
    return stored === undefined ? undefined : decode(stored)
  }

  /** All widget values of a node, as a new object. */
  getWidgets(id: NodeId): Record<string, Json> {
    const map = this.#nodes.get(id)
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
    this.#groupList ??= [...this.#groups.keys()]
      .map(Number)
      .sort((a, b) => a - b)
      .map((id) => decode(this.#groups.get(String(id))) as unknown as GraphGroup)
    return this.#groupList
  }

  /** The saved view; not an undo step. */
  getViewport = (): GraphViewport | null => (this.#meta.get('viewport') as GraphViewport | undefined) ?? null

  getHistory = (): HistoryState => this.#history.state

  /** The steps that undo and redo would take, as plain data to be kept on disk. */
  getSteps = (): Steps => this.#history.steps()

  /** Goes on with the steps of an earlier page; call it once the content of that page is there. */
  restoreSteps(steps: Steps): void {
    this.#history.restore(steps)
    this.#refreshHistory()
  }

  /** Top-level keys of the file that the editor does not interpret. */
  getRest(): JsonObject {
    return (decode(this.#meta.get('rest') ?? {}) ?? {}) as JsonObject
  }

  /** The whole document as plain data, for export and compiling. */
  toGraph(): Graph {
    const { nodeIds, links } = this.getTopology()
    return {
      nodes: nodeIds.map((id) => this.#plainNode(id)),
      links,
      groups: this.getGroups(),
      viewport: this.getViewport(),
      lastNodeId: this.#counter('lastNodeId'),
      lastLinkId: this.#counter('lastLinkId'),
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
    this.#subscriptions.touchDefinitions()
    this.#subscriptions.flush()
  }

  // ---- subscriptions ----

  /** A node's own fields; not its widget values. */
  subscribeNode = (id: NodeId, listener: () => void): Unsubscribe => this.#subscriptions.onNode(id, listener)

  /** One widget's value. */
  subscribeWidget = (id: NodeId, name: string, listener: () => void): Unsubscribe =>
    this.#subscriptions.onWidget(id, name, listener)

  /** Nodes and links coming and going. */
  subscribeTopology = (listener: () => void): Unsubscribe => this.#subscriptions.onTopic('topology', listener)

  subscribeGroups = (listener: () => void): Unsubscribe => this.#subscriptions.onTopic('groups', listener)

  subscribeViewport = (listener: () => void): Unsubscribe => this.#subscriptions.onTopic('viewport', listener)

  subscribeHistory = (listener: () => void): Unsubscribe => this.#subscriptions.onTopic('history', listener)

  /** Any change of what is saved, the viewport left out; for "unsaved" marks and auto-queue. */
  subscribeContent = (listener: () => void): Unsubscribe => this.#subscriptions.onTopic('content', listener)

  /** Other node classes: nodes may look different now. */
  subscribeDefinitions = (listener: () => void): Unsubscribe => this.#subscriptions.onTopic('definitions', listener)

  // ---- operations ----

  /** Replaces everything by the given graph; there is nothing to undo afterwards. */
  load(graph: Graph): void {
    this.ydoc.transact(() => {
      for (const map of [this.#nodes, this.#links, this.#groups, this.#meta]) map.clear()
      for (const node of graph.nodes) this.#nodes.set(node.id, toNodeMap(toStored(node)))
      for (const link of graph.links) this.#links.set(linkKey(link.target, link.targetInput), toTuple(link))
      for (const group of graph.groups) this.#groups.set(group.id, encode(group as unknown as Json))
      if (graph.viewport) this.#meta.set('viewport', graph.viewport)
      this.#meta.set('lastNodeId', graph.lastNodeId)
      this.#meta.set('lastLinkId', graph.lastLinkId)
      this.#meta.set('rest', encode(graph.rest))
    }, UNTRACKED)
    this.#history.clear()
    this.#refreshHistory()
  }

  /** Runs several operations as one undo step; nested calls join the outermost. Returns what `run` returns. */
  transact<T>(label: string, run: () => T, options: TransactOptions = {}): T {
    if (this.#depth === 0) {
      this.#recording = options.undoable !== false
      if (this.#recording) this.#history.begin(label, options.mergeKey ?? null)
    }
    this.#depth++
    try {
      return this.ydoc.transact(run, this.#recording ? EDIT : UNTRACKED)
    } finally {
      this.#depth--
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

  /** Adds a node with its default values; returns its id. */
  addNode(classType: string, pos: Point, given: NewNode = {}): NodeId {
    return this.transact('Add node', () => {
      const id = String(this.#nextId('lastNodeId', this.#nodes.keys()))
      const draft = makeNode({ id, classType, pos, index: this.#nextIndex() })
      const definition = definitionForNode(draft, this.#definitions)
      this.#insert({
        ...draft,
        title: given.title ?? null,
        size: given.size ?? null,
        mode: given.mode ?? draft.mode,
        widgets: { ...defaultWidgets(definition), ...given.widgets },
      })
      return id
    })
  }

  /** Removes nodes and every link at them. */
  removeNodes(ids: Iterable<NodeId>): void {
    const gone = new Set(ids)
    this.transact(gone.size === 1 ? 'Delete node' : 'Delete nodes', () => {
      for (const link of this.getTopology().links) {
        if (gone.has(link.source) || gone.has(link.target)) this.#unlink(link.target, link.targetInput)
      }
      for (const id of gone) this.#put(['nodes', id], undefined)
    })
  }

  /** Sets positions (top-left of the body); call it once when a drag ends. */
  moveNodes(positions: Iterable<readonly [NodeId, Point]>, options: TransactOptions = {}): void {
    this.transact(
      'Move',
      () => {
        for (const [id, pos] of positions) this.#setField(id, 'pos', [pos[0], pos[1]])
      },
      options,
    )
  }

  /** Checks a connection without making it. */
  checkConnection(request: ConnectionRequest): ConnectionCheck {
    return checkConnection(this, request)
  }

  /** A check for one end of a link that is being dragged: fast for many candidate handles. */
  connectionChecker(from: HandleRef): (to: HandleRef) => ConnectionCheck {
    const before = from.side === 'output' ? ancestors(this, from.node) : null
    const behind = from.side === 'input' ? descendants(this, from.node) : null
    const itself = new Set([from.node])
    return (to) => {
      if (to.side === from.side) return { ok: false, code: 'same-side', reason: 'Connect an output with an input.' }
      const output = from.side === 'output' ? from : (to as HandleRef & { side: 'output' })
      const input = from.side === 'input' ? from : (to as HandleRef & { side: 'input' })
      const request = {
        source: output.node,
        sourceSlot: output.slot,
        target: input.node,
        targetInput: input.input,
      }
      return checkConnection(this, request, before ?? (behind?.has(output.node) ? itself : NOBODY))
    }
  }

  /** Connects an output with an input; a link that was there is replaced. The verdict tells why it was refused. */
  connect(request: ConnectionRequest): ConnectionCheck {
    const verdict = checkConnection(this, request)
    if (!verdict.ok) return verdict
    this.transact('Connect', () => this.#connect(request))
    return verdict
  }

  /** Removes the link into an input, if there is one. */
  disconnect(target: NodeId, targetInput: string): void {
    this.transact('Disconnect', () => this.#unlink(target, targetInput))
  }

  /** Removes links by their integer ids. */
  removeLinks(ids: Iterable<number>): void {
    const gone = new Set(ids)
    this.transact(gone.size === 1 ? 'Delete link' : 'Delete links', () => {
      for (const link of this.getTopology().links) {
        if (gone.has(link.id)) this.#unlink(link.target, link.targetInput)
      }
    })
  }

  /** Sets a widget's value. Quick changes of one widget are one undo step. */
  setWidget(id: NodeId, name: string, value: Json, options: TransactOptions = {}): void {
    if (!this.#nodes.has(id) || Object.is(this.getWidget(id, name), value)) return
    this.transact('Change value', () => this.#put(['nodes', id, WIDGETS, name], encode(value)), {
      mergeKey: `widget ${id} ${name}`,
      ...options,
    })
  }

  /** Sets or (with null or an empty text) removes a node's own title. */
  setTitle(id: NodeId, title: string | null): void {
    this.transact('Rename', () => this.#setField(id, 'title', title === '' ? null : title))
  }

  /** Sets how nodes take part in a run (mute, bypass, always). */
  setMode(ids: Iterable<NodeId>, mode: NodeMode): void {
    this.transact('Change mode', () => this.#setAll(ids, 'mode', mode))
  }

  setCollapsed(ids: Iterable<NodeId>, collapsed: boolean): void {
    this.transact(collapsed ? 'Collapse' : 'Expand', () => this.#setAll(ids, 'collapsed', collapsed))
  }

  setPinned(ids: Iterable<NodeId>, pinned: boolean): void {
    this.transact(pinned ? 'Pin' : 'Unpin', () => this.#setAll(ids, 'pinned', pinned))
  }

  /** Sets a node's size (title bar left out), and its position when the resize moved it. */
  setSize(id: NodeId, size: Size | null, pos?: Point): void {
    this.transact('Resize', () => {
      this.#setField(id, 'size', size && [size[0], size[1]])
      if (pos) this.#setField(id, 'pos', [pos[0], pos[1]])
    })
  }

  setColor(ids: Iterable<NodeId>, color: string | null, bgcolor: string | null): void {
    this.transact('Change colour', () => {
      for (const id of ids) {
        this.#setField(id, 'color', color)
        this.#setField(id, 'bgcolor', bgcolor)
      }
    })
  }

  /** Draws nodes above all others. Not an undo step. */
  raise(ids: Iterable<NodeId>): void {
    this.transact('Raise', () => this.#setAll(ids, 'index', this.#nextIndex()), { undoable: false })
  }

  /** Adds a frame; returns its id. */
  addGroup(title: string, bounding: GraphGroup['bounding'], color: string | null = null): string {
    return this.transact('Add group', () => {
      const id = String(1 + Math.max(0, ...[...this.#groups.keys()].map(Number)))
      this.#put(['groups', id], encode({ id, title, bounding, color, rest: {} } as unknown as Json))
      return id
    })
  }

  updateGroup(id: string, change: Partial<Pick<GraphGroup, 'title' | 'bounding' | 'color'>>): void {
    const group = this.getGroups().find((entry) => entry.id === id)
    if (!group) return
    this.transact('Change group', () => this.#put(['groups', id], encode({ ...group, ...change } as unknown as Json)))
  }

  removeGroups(ids: Iterable<string>): void {
    this.transact('Delete group', () => {
      for (const id of ids) this.#put(['groups', id], undefined)
    })
  }

  /** Remembers the view; not an undo step. */
  setViewport(viewport: GraphViewport): void {
    this.ydoc.transact(() => this.#meta.set('viewport', viewport), UNTRACKED)
  }

  /** Replaces a top-level key of the file that the editor does not interpret. Not an undo step. */
  setRest(rest: JsonObject): void {
    this.ydoc.transact(() => this.#meta.set('rest', encode(rest)), UNTRACKED)
  }

  /** The given nodes with the links at their inputs. */
  copy(ids: Iterable<NodeId>): Clip {
    return cutClip(this.toGraph(), new Set(ids))
  }

  /** Pastes a clip; returns the new nodes' ids in the clip's order. */
  paste(clip: Clip, options: PasteOptions = {}): NodeId[] {
    return this.transact('Paste', () => {
      let index = this.#nextIndex()
      const pasted = pasteClip(centreClip(clip, options), {
        nodeId: () => String(this.#nextId('lastNodeId', this.#nodes.keys())),
        linkId: () => this.#nextId('lastLinkId', []),
        hasNode: (id) => this.#nodes.has(id),
        outsideLinks: options.outsideLinks === true,
      })
      for (const node of pasted.nodes) this.#insert({ ...node, index: index++ })
      for (const link of pasted.links) this.#link(link)
      for (const group of pasted.groups) this.addGroup(group.title, group.bounding, group.color)
      return pasted.nodes.map((node) => node.id)
    })
  }

  /** Copies nodes beside themselves, with the links at their inputs; returns the new ids. */
  duplicate(ids: Iterable<NodeId>, offset: Point = [30, 30]): NodeId[] {
    const clip = this.copy(ids)
    return this.transact('Duplicate', () => this.paste(clip, { offset, outsideLinks: true }))
  }

  /** Frees listeners; the document must not be used afterwards. */
  destroy(): void {
    this.ydoc.off('afterTransaction', this.#afterTransaction)
    this.#nodes.unobserveDeep(this.#onNodes)
    this.#links.unobserve(this.#onLinks)
    this.#groups.unobserve(this.#onGroups)
    this.#meta.unobserve(this.#onMeta)
  }

  // ---- inside ----

  /** Every edit goes through here, so that undo knows of it; `undefined` removes. */
  #put(place: Place, value: Stored): void {
    const before = this.#places.read(place)
    if (sameStored(before, value)) return
    this.#places.write(place, value)
    if (this.#recording) this.#history.record(place, before, value)
  }

  #insert(node: GraphNode): void {
    this.#put(['nodes', node.id], toStored(node))
  }

  #link(link: GraphLink): void {
    this.#put(['links', linkKey(link.target, link.targetInput)], toTuple(link))
  }

  #unlink(target: NodeId, input: string): void {
    this.#put(['links', linkKey(target, input)], undefined)
  }

  #connect({ source, sourceSlot, target, targetInput }: ConnectionRequest): void {
    const id = this.#nextId('lastLinkId', [])
    const type = outputType(this, source, sourceSlot) ?? '*'
    const first = this.getNode(source)?.classType === 'PrimitiveNode' && this.linksFrom(source).length === 0
    this.#link({ id, source, sourceSlot, target, targetInput, type })
    if (first) this.#adoptValue(source, target, targetInput)
  }

  /** A primitive's first connection: it becomes the kind of widget that it feeds, and takes over its value. */
  #adoptValue(primitive: NodeId, target: NodeId, input: string): void {
    const type = this.definitionOf(target)?.inputs.find((entry) => entry.name === input)?.type ?? '*'
    const slot: SavedSlot = { name: input, type, widget: input }
    this.#setField(primitive, 'outputs', [slot])
    const value = this.getWidget(target, input)
    const control = this.getWidget(target, `${input}/control`) ?? 'fixed'
    if (value !== undefined) this.#put(['nodes', primitive, WIDGETS, 'value'], encode(value))
    this.#put(['nodes', primitive, WIDGETS, 'value/control'], encode(control))
  }

  #setAll(ids: Iterable<NodeId>, field: NodeField, value: unknown): void {
    for (const id of ids) this.#setField(id, field, value)
  }

  #setField(id: NodeId, field: NodeField, value: unknown): void {
    if (this.#nodes.has(id)) this.#put(['nodes', id, field], value)
  }

  #plainNode(id: NodeId): GraphNode {
    return { ...(this.getNode(id) as NodeView), widgets: this.getWidgets(id) }
  }

  #readTopology(): Topology {
    const indices = new Map<NodeId, number>()
    for (const [id, map] of this.#nodes.entries()) indices.set(id, ((map as NodeMap).get('index') as number) ?? 0)
    const nodeIds = [...indices.keys()].sort(
      (a, b) => (indices.get(a) as number) - (indices.get(b) as number) || (a < b ? -1 : 1),
    )
    const links = [...this.#links.values()]
      .map((tuple) => toLink(tuple as LinkTuple))
      .filter((link) => indices.has(link.source) && indices.has(link.target))
      .sort((a, b) => a.id - b.id || (linkKey(a.target, a.targetInput) < linkKey(b.target, b.targetInput) ? -1 : 1))
    return { nodeIds, links }
  }

  #index(): LinkIndex {
    if (this.#depth > 0) return new LinkIndex(this.#readTopology().links)
    this.#linkIndex ??= new LinkIndex(this.getTopology().links)
    return this.#linkIndex
  }

  #counter(key: 'lastNodeId' | 'lastLinkId'): number {
    return (this.#meta.get(key) as number | undefined) ?? 0
  }

  #nextId(key: 'lastNodeId' | 'lastLinkId', taken: Iterable<string>): number {
    let next = this.#counter(key) + 1
    const used = new Set(taken)
    while (used.has(String(next))) next++
    this.#meta.set(key, next)
    return next
  }

  #nextIndex(): number {
    let last = -1
    for (const map of this.#nodes.values()) last = Math.max(last, ((map as NodeMap).get('index') as number) ?? 0)
    return last + 1
  }

  readonly #onNodes = (events: Y.YEvent<Y.AbstractType<unknown>>[]): void => {
    this.#subscriptions.touch('content')
    for (const event of events) {
      const [id, inner] = event.path as [NodeId?, string?]
      if (id === undefined) this.#nodesReplaced(event.keys.keys())
      else if (inner === WIDGETS) for (const name of event.keys.keys()) this.#subscriptions.touchWidget(id, name)
      else this.#nodeChanged(id, event.keys)
    }
  }

  #nodesReplaced(ids: Iterable<NodeId>): void {
    this.#shapeChanged()
    for (const id of ids) {
      this.#views.delete(id)
      this.#subscriptions.touchNode(id)
      this.#subscriptions.touchWidget(id, null)
    }
  }

  #nodeChanged(id: NodeId, keys: ReadonlyMap<string, unknown>): void {
    this.#views.delete(id)
    this.#subscriptions.touchNode(id)
    if (keys.has('classType') || keys.has('index') || keys.has('inputs') || keys.has('outputs')) this.#shapeChanged()
    if (keys.has(WIDGETS)) this.#subscriptions.touchWidget(id, null)
  }

  readonly #onLinks = (event: Y.YMapEvent<unknown>): void => {
    this.#subscriptions.touch('content')
    this.#shapeChanged()
    for (const key of event.keys.keys()) {
      const [target] = JSON.parse(key) as [NodeId, string]
      this.#subscriptions.touchNode(target)
    }
  }

  #shapeChanged(): void {
    this.#topology = null
    this.#linkIndex = null
    this.#shapeTouched = true
    this.#subscriptions.touch('topology')
  }

  readonly #onGroups = (): void => {
    this.#groupList = null
    this.#subscriptions.touch('groups')
    this.#subscriptions.touch('content')
  }

  readonly #onMeta = (event: Y.YMapEvent<unknown>): void => {
    if (event.keysChanged.has('viewport')) this.#subscriptions.touch('viewport')
    if (event.keysChanged.has('rest')) this.#subscriptions.touch('content')
  }

  readonly #afterTransaction = ({ origin }: Y.Transaction): void => {
    if (this.#shapeTouched) this.#repair()
    if (origin === EDIT) {
      this.#history.refresh()
      this.#subscriptions.touch('history')
    }
    this.#tellListeners()
  }

  /** The change is complete: who reads now may have the remembered objects again, though `transact` has not returned. */
  #tellListeners(): void {
    const depth = this.#depth
    this.#depth = 0
    try {
      this.#subscriptions.flush()
    } finally {
      this.#depth = depth
    }
  }

  #repair(): void {
    this.#shapeTouched = false
    const mends = findMends(this.#nodes, this.#links)
    if (mends.length === 0) return
    this.ydoc.transact(() => {
      for (const [key, tuple] of mends) {
        if (tuple) this.#links.set(key, tuple)
        else this.#links.delete(key)
      }
    }, UNTRACKED)
  }

  #refreshHistory(): void {
    this.#history.refresh()
    this.#subscriptions.touch('history')
    this.#subscriptions.flush()
  }
}

/** A document with nothing in it. */
export const emptyDocument = (definitions?: DefinitionSource): EditorDocument =>
  EditorDocument.fromGraph(EMPTY_GRAPH, definitions)

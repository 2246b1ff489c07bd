/** The workflow that is being edited: a Yjs document with undo, fine-grained subscriptions and typed operations. */
import { defaultWidgets, definitionForNode } from '../definitions/for-node'
import type { HandleRef } from '../definitions/handles'
import type { DefinitionSource } from '../definitions/types'
import { centreClip, cutClip, pasteClip, type PasteOptions } from '../graph/clipboard'
import { checkConnection } from '../graph/connect'
import { connectionChecker } from '../graph/connection-checker'
import {
  EMPTY_GRAPH,
  makeNode,
  type Graph,
  type GraphGroup,
  type Json,
  type NodeId,
  type NodeMode,
  type Point,
  type SavedSlot,
  type Size,
} from '../graph/model'
import { outputType } from '../graph/slot-types'
import { WIDGETS, type NodeField } from './node-map'
import { RecordedDocument, type TransactOptions } from './recorded-document'
import type { Clip, ConnectionCheck, ConnectionRequest } from './types'
import { encode } from './yjs-codec'

export type { TransactOptions } from './recorded-document'

/** Fields of a new node. */
export interface NewNode {
  readonly widgets?: Readonly<Record<string, Json>>
  readonly title?: string | null
  readonly size?: Size | null
  readonly mode?: NodeMode
}

/** The document. Every operation is one undo step unless it runs inside {@link EditorDocument.transact}. */
export class EditorDocument extends RecordedDocument {
  /** A document that holds the given graph, with nothing to undo. */
  static fromGraph(graph: Graph, definitions?: DefinitionSource): EditorDocument {
    const document = new EditorDocument(definitions ? { definitions } : {})
    document.load(graph)
    return document
  }

  /** Adds a node with its default values; returns its id. */
  addNode(classType: string, pos: Point, given: NewNode = {}): NodeId {
    return this.transact('Add node', () => {
      const id = this.nextNodeId()
      const draft = makeNode({ id, classType, pos, index: this.nextIndex() })
      const definition = definitionForNode(draft, this.definitions)
      this.insert({
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
        if (gone.has(link.source) || gone.has(link.target)) this.unlink(link.target, link.targetInput)
      }
      for (const id of gone) this.put(['nodes', id], undefined)
    })
  }

  /** Sets positions (top-left of the body); call it once when a drag ends. */
  moveNodes(positions: Iterable<readonly [NodeId, Point]>, options: TransactOptions = {}): void {
    this.transact(
      'Move',
      () => {
        for (const [id, pos] of positions) this.setField(id, 'pos', [pos[0], pos[1]])
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
    return connectionChecker(this, from)
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
    this.transact('Disconnect', () => this.unlink(target, targetInput))
  }

  /** Removes links by their integer ids. */
  removeLinks(ids: Iterable<number>): void {
    const gone = new Set(ids)
    this.transact(gone.size === 1 ? 'Delete link' : 'Delete links', () => {
      for (const link of this.getTopology().links) {
        if (gone.has(link.id)) this.unlink(link.target, link.targetInput)
      }
    })
  }

  /** Sets a widget's value. Quick changes of one widget are one undo step. */
  setWidget(id: NodeId, name: string, value: Json, options: TransactOptions = {}): void {
    if (!this.places.nodes.has(id) || Object.is(this.getWidget(id, name), value)) return
    this.transact('Change value', () => this.put(['nodes', id, WIDGETS, name], encode(value)), {
      mergeKey: `widget ${id} ${name}`,
      ...options,
    })
  }

  /** Sets or (with null or an empty text) removes a node's own title. */
  setTitle(id: NodeId, title: string | null): void {
    this.transact('Rename', () => this.setField(id, 'title', title === '' ? null : title))
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
      this.setField(id, 'size', size && [size[0], size[1]])
      if (pos) this.setField(id, 'pos', [pos[0], pos[1]])
    })
  }

  setColor(ids: Iterable<NodeId>, color: string | null, bgcolor: string | null): void {
    this.transact('Change colour', () => {
      for (const id of ids) {
        this.setField(id, 'color', color)
        this.setField(id, 'bgcolor', bgcolor)
      }
    })
  }

  /** Draws nodes above all others. Not an undo step. */
  raise(ids: Iterable<NodeId>): void {
    this.transact('Raise', () => this.#setAll(ids, 'index', this.nextIndex()), { undoable: false })
  }

  /** Adds a frame; returns its id. */
  addGroup(title: string, bounding: GraphGroup['bounding'], color: string | null = null): string {
    return this.transact('Add group', () => {
      const id = String(1 + Math.max(0, ...[...this.places.groups.keys()].map(Number)))
      this.put(['groups', id], encode({ id, title, bounding, color, rest: {} } as unknown as Json))
      return id
    })
  }

  updateGroup(id: string, change: Partial<Pick<GraphGroup, 'title' | 'bounding' | 'color'>>): void {
    const group = this.getGroups().find((entry) => entry.id === id)
    if (!group) return
    this.transact('Change group', () => this.put(['groups', id], encode({ ...group, ...change } as unknown as Json)))
  }

  removeGroups(ids: Iterable<string>): void {
    this.transact('Delete group', () => {
      for (const id of ids) this.put(['groups', id], undefined)
    })
  }

  /** The given nodes with the links at their inputs. */
  copy(ids: Iterable<NodeId>): Clip {
    return cutClip(this.toGraph(), new Set(ids))
  }

  /** Pastes a clip; returns the new nodes' ids in the clip's order. */
  paste(clip: Clip, options: PasteOptions = {}): NodeId[] {
    return this.transact('Paste', () => {
      let index = this.nextIndex()
      const pasted = pasteClip(centreClip(clip, options), {
        nodeId: () => this.nextNodeId(),
        linkId: () => this.nextLinkId(),
        hasNode: (id) => this.places.nodes.has(id),
        outsideLinks: options.outsideLinks === true,
      })
      for (const node of pasted.nodes) this.insert({ ...node, index: index++ })
      for (const link of pasted.links) this.link(link)
      for (const group of pasted.groups) this.addGroup(group.title, group.bounding, group.color)
      return pasted.nodes.map((node) => node.id)
    })
  }

  /** Copies nodes beside themselves, with the links at their inputs; returns the new ids. */
  duplicate(ids: Iterable<NodeId>, offset: Point = [30, 30]): NodeId[] {
    const clip = this.copy(ids)
    return this.transact('Duplicate', () => this.paste(clip, { offset, outsideLinks: true }))
  }

  #connect({ source, sourceSlot, target, targetInput }: ConnectionRequest): void {
    const id = this.nextLinkId()
    const type = outputType(this, source, sourceSlot) ?? '*'
    const first = this.getNode(source)?.classType === 'PrimitiveNode' && this.linksFrom(source).length === 0
    this.link({ id, source, sourceSlot, target, targetInput, type })
    if (first) this.#adoptValue(source, target, targetInput)
  }

  /** A primitive's first connection: it becomes the kind of widget that it feeds, and takes over its value. */
  #adoptValue(primitive: NodeId, target: NodeId, input: string): void {
    const type = this.definitionOf(target)?.inputs.find((entry) => entry.name === input)?.type ?? '*'
    const slot: SavedSlot = { name: input, type, widget: input }
    this.setField(primitive, 'outputs', [slot])
    const value = this.getWidget(target, input)
    const control = this.getWidget(target, `${input}/control`) ?? 'fixed'
    if (value !== undefined) this.put(['nodes', primitive, WIDGETS, 'value'], encode(value))
    this.put(['nodes', primitive, WIDGETS, 'value/control'], encode(control))
  }

  #setAll(ids: Iterable<NodeId>, field: NodeField, value: unknown): void {
    for (const id of ids) this.setField(id, field, value)
  }
}

/** A document with nothing in it. */
export const emptyDocument = (definitions?: DefinitionSource): EditorDocument =>
  EditorDocument.fromGraph(EMPTY_GRAPH, definitions)

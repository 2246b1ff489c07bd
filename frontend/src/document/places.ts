/** Where things stand in the shared document, and how they are read and written as plain data; for edits and undo. */
import * as Y from 'yjs'
import { toNodeMap, WIDGETS, type NodeField, type NodeMap, type StoredNode } from './node-map'

/** Names one thing that can change: a whole node, link or group, a node's field, or a widget's value. */
export type Place =
  | readonly [map: 'nodes' | 'links' | 'groups', key: string]
  | readonly [map: 'nodes', id: string, field: NodeField]
  | readonly [map: 'nodes', id: string, widgets: typeof WIDGETS, name: string]

/** What stands at a place in the document's own (JSON) form; `undefined`: nothing. */
export type Stored = unknown

/** Reads and writes by place. Writing to a node that is gone does nothing. */
export class Places {
  readonly nodes: Y.Map<unknown>
  readonly links: Y.Map<unknown>
  readonly groups: Y.Map<unknown>

  constructor(ydoc: Y.Doc) {
    this.nodes = ydoc.getMap('nodes')
    this.links = ydoc.getMap('links')
    this.groups = ydoc.getMap('groups')
  }

  /** A node as a whole comes as a copy with everything in it. */
  read(place: Place): Stored {
    const found = this.#holder(place)?.get(place.at(-1) as string)
    return found instanceof Y.Map ? (found as NodeMap).toJSON() : found
  }

  write(place: Place, value: Stored): void {
    const holder = this.#holder(place)
    const key = place.at(-1) as string
    if (value === undefined) holder?.delete(key)
    else holder?.set(key, isNode(place) ? toNodeMap(value as StoredNode) : value)
  }

  /** The map in which the last part of the place is a key. */
  #holder([map, id, field, name]: Place): NodeMap | undefined {
    if (field === undefined) return this[map]
    const node = this.nodes.get(id)
    if (!(node instanceof Y.Map)) return undefined
    if (name === undefined) return node as NodeMap
    const widgets = (node as NodeMap).get(WIDGETS)
    return widgets instanceof Y.Map ? (widgets as NodeMap) : undefined
  }
}

/** Whether the place is a whole node, which has further places inside. */
export const isNode = (place: Place): boolean => place[0] === 'nodes' && place.length === 2

/** Whether two stored values are the same. */
export function sameStored(a: Stored, b: Stored): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}

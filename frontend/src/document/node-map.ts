/** One node as a Yjs map: separate keys for what two people may change at once, and back to plain data. */
import * as Y from 'yjs'
import type { GraphNode, Json, JsonObject, NodeMode, NodeView, Point, SavedSlot, Size } from '../graph/model'
import { decode, encode } from './yjs-codec'

/** A node in the shared document. */
export type NodeMap = Y.Map<unknown>

/** Key of the map of widget values inside a node's map. */
export const WIDGETS = 'widgets'

/** Keys of a node's map that a caller may set one by one. */
export type NodeField =
  | 'title'
  | 'pos'
  | 'size'
  | 'mode'
  | 'collapsed'
  | 'pinned'
  | 'color'
  | 'bgcolor'
  | 'index'
  | 'outputs'
  | 'inputs'
  | 'rest'
  | 'classType'

/** A node's map as plain data: what undo remembers of a node. */
export type StoredNode = Record<string, unknown>

/** The stored form of a node; fields at their usual value are left out. */
export function toStored(node: GraphNode): StoredNode {
  const stored: StoredNode = { classType: node.classType, pos: node.pos, index: node.index }
  setUnless(stored, 'size', node.size, null)
  setUnless(stored, 'title', node.title, null)
  setUnless(stored, 'mode', node.mode, 0)
  setUnless(stored, 'collapsed', node.collapsed, false)
  setUnless(stored, 'pinned', node.pinned, false)
  setUnless(stored, 'color', node.color, null)
  setUnless(stored, 'bgcolor', node.bgcolor, null)
  if (node.inputs.length > 0) stored['inputs'] = encode(node.inputs as unknown as Json)
  if (node.outputs.length > 0) stored['outputs'] = encode(node.outputs as unknown as Json)
  if (Object.keys(node.rest).length > 0) stored['rest'] = encode(node.rest)
  stored[WIDGETS] = Object.fromEntries(Object.entries(node.widgets).map(([name, value]) => [name, encode(value)]))
  return stored
}

/** Makes the shared form of a stored node; it has to be put into the document before it can be read. */
export function toNodeMap({ [WIDGETS]: widgets, ...fields }: StoredNode): NodeMap {
  const map: NodeMap = new Y.Map<unknown>(Object.entries(fields))
  map.set(WIDGETS, new Y.Map<unknown>(Object.entries(widgets as object)))
  return map
}

/** Reads everything but the widget values. */
export function toNodeView(id: string, map: NodeMap): NodeView {
  return {
    id,
    classType: map.get('classType') as string,
    title: (map.get('title') as string | null | undefined) ?? null,
    pos: map.get('pos') as Point,
    size: (map.get('size') as Size | null | undefined) ?? null,
    mode: ((map.get('mode') as number | undefined) ?? 0) as NodeMode,
    collapsed: map.get('collapsed') === true,
    pinned: map.get('pinned') === true,
    color: (map.get('color') as string | null | undefined) ?? null,
    bgcolor: (map.get('bgcolor') as string | null | undefined) ?? null,
    index: (map.get('index') as number | undefined) ?? 0,
    inputs: readSlots(map.get('inputs')),
    outputs: readSlots(map.get('outputs')),
    rest: readObject(map.get('rest')),
  }
}

/** All widget values of a node. */
export function readWidgets(map: NodeMap): Record<string, Json> {
  const widgets = map.get(WIDGETS)
  if (!(widgets instanceof Y.Map)) return {}
  return Object.fromEntries([...(widgets as NodeMap).entries()].map(([name, value]) => [name, decode(value)]))
}

const NO_SLOTS: readonly SavedSlot[] = []
const NOTHING: JsonObject = {}

function readSlots(stored: unknown): readonly SavedSlot[] {
  return stored === undefined ? NO_SLOTS : (decode(stored) as unknown as readonly SavedSlot[])
}

function readObject(stored: unknown): JsonObject {
  return stored === undefined ? NOTHING : (decode(stored) as JsonObject)
}

function setUnless(stored: StoredNode, key: string, value: unknown, usual: unknown): void {
  if (value !== usual) stored[key] = value
}

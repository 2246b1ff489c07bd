/** The slots of a node and what each could be connected with; used by the link panel. */
import type { FlowNode } from '@/canvas/projection'
import { parseHandle } from '@/definitions/handles'
import type { HandleLayout } from '@/definitions/types'
import type { EditorDocument } from '@/document/editor-document'
import type { ConnectionRequest } from '@/document/types'
import { nameOf } from '@/graph/connect'
import type { GraphLink, NodeId } from '@/graph/model'

/** One slot on the canvas. */
export interface Slot {
  readonly node: NodeId
  readonly handle: HandleLayout
  /** Links at it. */
  readonly links: readonly GraphLink[]
}

/** Handle ids are unique on a node only. */
export const slotKey = ({ node, handle }: Slot): string => `${node} ${handle.id}`

export const slotName = ({ handle }: Slot): string => handle.label || handle.name || handle.type

/** All slots of a node: outputs, inputs, and the inputs of widgets last. */
export function slotsOf(document: EditorDocument, { id, data }: FlowNode): Slot[] {
  const rank = ({ side, onWidget }: HandleLayout) => (onWidget ? 2 : side === 'output' ? 0 : 1)
  return data.layout.handles
    .map((handle) => ({ node: id, handle, links: linksAt(document, id, handle) }))
    .sort((a, b) => rank(a.handle) - rank(b.handle))
}

/** Slots of other nodes that the given one may be connected with: free before taken, sockets before widgets, near before far. */
export function candidatesFor(document: EditorDocument, nodes: readonly FlowNode[], from: Slot): Slot[] {
  const ref = parseHandle(from.node, from.handle.id)
  const own = nodes.find((node) => node.id === from.node)
  if (!ref || !own) return []
  const check = document.connectionChecker(ref)
  const fitting = nodes.flatMap((node) =>
    node.id === from.node ? [] : node.data.layout.handles.flatMap((handle) => slotIf(node, handle)),
  )
  const at = placeOf(own, from.handle)
  const rank = new Map(
    fitting.map(({ slot, node }) => [slot, [...order(slot), distance(at, placeOf(node, slot.handle))]]),
  )
  return fitting.map(({ slot }) => slot).sort((a, b) => compare(rank.get(a) ?? [], rank.get(b) ?? []))

  function slotIf(node: FlowNode, handle: HandleLayout) {
    const to = parseHandle(node.id, handle.id)
    if (!to || to.side === from.handle.side || !check(to).ok) return []
    return [{ node, slot: { node: node.id, handle, links: linksAt(document, node.id, handle) } }]
  }

  function order({ handle, links }: Slot): number[] {
    const taken = handle.side === 'input' && links.length > 0
    return [Number(handle.onWidget), Number(taken), Number(handle.type !== from.handle.type)]
  }
}

/** The connection of two slots of different sides. */
export function requestOf(a: Slot, b: Slot): ConnectionRequest {
  const [source, target] = a.handle.side === 'output' ? [a, b] : [b, a]
  return { source: source.node, sourceSlot: source.handle.index, target: target.node, targetInput: target.handle.name }
}

/** What the slot is connected with, for people; empty when it is free. */
export function partnersOf(document: EditorDocument, { handle, links }: Slot): string {
  const names = links.map((link) => nameOf(document, handle.side === 'input' ? link.source : link.target))
  return [...new Set(names)].join(', ')
}

/** The place of a slot in the graph. */
export function placeOf(node: FlowNode, { x, y }: HandleLayout): { x: number; y: number } {
  return { x: node.position.x + x, y: node.position.y + y }
}

function linksAt(document: EditorDocument, node: NodeId, handle: HandleLayout): GraphLink[] {
  if (handle.side === 'output') return document.linksFrom(node).filter((link) => link.sourceSlot === handle.index)
  const link = document.linkInto(node, handle.name)
  return link ? [link] : []
}

const distance = (a: { x: number; y: number }, b: { x: number; y: number }): number => Math.hypot(a.x - b.x, a.y - b.y)

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, index) => value !== b[index])
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0)
}

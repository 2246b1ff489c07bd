/** Reads a v0.4 workflow, the document that editors of this kind save, into a graph. */
import { definitionForNode } from '../../definitions/for-node'
import type { DefinitionSource } from '../../definitions/types'
import {
  makeNode,
  NodeMode,
  type GraphGroup,
  type GraphLink,
  type GraphNode,
  type GraphViewport,
  type Json,
  type JsonObject,
  type NodeId,
  type SavedSlot,
} from '../../graph/model'
import type { ImportResult, ImportWarning } from '../import-result'
import { asArray, asId, asNumber, asNumbers, asObject, asSlotType, isObject, without } from '../json-access'
import { controlMode, restoreWidgets } from './widget-values'

const TOP_KEYS = new Set(['nodes', 'links', 'groups', 'last_node_id', 'last_link_id', 'version'])
const NODE_KEYS = new Set([
  'id',
  'type',
  'pos',
  'size',
  'flags',
  'order',
  'mode',
  'inputs',
  'outputs',
  'title',
  'color',
  'bgcolor',
  'widgets_values',
  'widgets_values_named',
])
const SLOT_KEYS = new Set(['name', 'type', 'link', 'links', 'label', 'widget', 'slot_index'])
const GROUP_KEYS = new Set(['id', 'title', 'bounding', 'color'])
const FLAG_KEYS = new Set(['collapsed', 'pinned'])

/** Key of a node's `rest` that holds entries of `widgets_values` behind the known ones. */
export const SURPLUS = '$surplus'

/**
 * Imports a v0.4 document. Damaged parts are repaired or dropped with a warning; unknown keys are kept. The links table
 * is the truth about connections.
 */
export function importV04(file: JsonObject, definitions: DefinitionSource): ImportResult {
  const warnings: ImportWarning[] = []
  const saved = readNodes(file, warnings)
  const links = readLinks(file, saved, warnings)
  const nodes = [...saved.values()].map(({ node, source }) => withWidgets(node, source, definitions, warnings))
  const numbers = nodes.map((node) => Number(node.id)).filter(Number.isSafeInteger)
  return {
    graph: {
      nodes,
      links,
      groups: readGroups(file),
      viewport: readViewport(asObject(asObject(file['extra'])['ds'])),
      lastNodeId: Math.max(0, asNumber(file['last_node_id']) ?? 0, ...numbers),
      lastLinkId: links.reduce((last, link) => Math.max(last, link.id), asNumber(file['last_link_id']) ?? 0),
      rest: without(file, TOP_KEYS),
    },
    warnings,
    needsLayout: false,
  }
}

interface SavedNode {
  readonly node: GraphNode
  readonly source: JsonObject
}

function readNodes(file: JsonObject, warnings: ImportWarning[]): Map<NodeId, SavedNode> {
  const found = new Map<NodeId, SavedNode>()
  for (const entry of asArray(file['nodes'])) {
    const id = isObject(entry) ? asId(entry['id']) : null
    if (!isObject(entry) || id === null || typeof entry['type'] !== 'string' || found.has(id)) {
      const message = `Left out an entry of the file that is no node of its own (id ${JSON.stringify(id)}).`
      warnings.push({ node: id, code: 'node-dropped', message })
    } else found.set(id, { node: readNode(id, entry['type'], entry, found.size), source: entry })
  }
  return found
}

function readNode(id: NodeId, classType: string, entry: JsonObject, index: number): GraphNode {
  const flags = asObject(entry['flags'])
  const pos = asNumbers(entry['pos'], 2) ?? [0, 0]
  const size = asNumbers(entry['size'], 2)
  const mode = asNumber(entry['mode'])
  const otherFlags = without(flags, FLAG_KEYS)
  const rest = without(entry, NODE_KEYS)
  if (Object.keys(otherFlags).length > 0) rest['flags'] = otherFlags
  return makeNode({
    id,
    classType,
    index,
    pos: [pos[0] as number, pos[1] as number],
    size: size && [size[0] as number, size[1] as number],
    title: typeof entry['title'] === 'string' && entry['title'] !== '' ? entry['title'] : null,
    mode: Object.values<number>(NodeMode).includes(mode ?? -1) ? (mode as NodeMode) : NodeMode.always,
    collapsed: flags['collapsed'] === true,
    pinned: flags['pinned'] === true,
    color: typeof entry['color'] === 'string' ? entry['color'] : null,
    bgcolor: typeof entry['bgcolor'] === 'string' ? entry['bgcolor'] : null,
    inputs: asArray(entry['inputs']).map(readSlot),
    outputs: asArray(entry['outputs']).map(readSlot),
    rest,
  })
}

function readSlot(entry: Json): SavedSlot {
  const slot = asObject(entry)
  const rest = without(slot, SLOT_KEYS)
  const type = asSlotType(slot['type'])
  if (slot['type'] !== undefined && slot['type'] !== type) rest['type'] = slot['type']
  const widget = asObject(slot['widget'])['name']
  return {
    name: typeof slot['name'] === 'string' ? slot['name'] : '',
    type,
    ...(typeof slot['label'] === 'string' ? { label: slot['label'] } : {}),
    ...(typeof widget === 'string' ? { widget } : {}),
    ...(Object.keys(rest).length > 0 ? { rest } : {}),
  }
}

function readLinks(file: JsonObject, nodes: ReadonlyMap<NodeId, SavedNode>, warnings: ImportWarning[]): GraphLink[] {
  const byInput = new Map<string, GraphLink>()
  const usedIds = new Set<number>()
  for (const entry of asArray(file['links'])) {
    if (entry === null) continue
    const link = readLink(entry, nodes)
    if (!link || usedIds.has(link.id)) {
      warnings.push({
        node: null,
        code: 'link-dropped',
        message: `Left out a broken link: ${JSON.stringify(entry, bigints)}.`,
      })
      continue
    }
    const key = JSON.stringify([link.target, link.targetInput])
    const other = byInput.get(key)
    if (other) {
      const message = `Two links enter "${link.targetInput}"; one was left out.`
      warnings.push({ node: link.target, code: 'link-dropped', message })
      if (savedLinkId(nodes, link) !== link.id) continue
    }
    usedIds.add(link.id)
    byInput.set(key, link)
  }
  return [...byInput.values()]
}

function readLink(entry: Json, nodes: ReadonlyMap<NodeId, SavedNode>): GraphLink | null {
  const tuple = asArray(entry)
  const id = asNumber(tuple[0])
  const source = asId(tuple[1])
  const target = asId(tuple[3])
  const sourceSlot = asNumber(tuple[2])
  const slot = asNumber(tuple[4])
  if (id === null || source === null || target === null || sourceSlot === null || slot === null) return null
  const targetNode = nodes.get(target)
  const sourceNode = nodes.get(source)
  if (!targetNode || !sourceNode) return null
  const input = targetNode.node.inputs[slot] ?? slotHolding(targetNode, id)
  const output = sourceNode.node.outputs[sourceSlot]
  if (!input || (!output && sourceNode.node.outputs.length > 0)) return null
  return { id, source, sourceSlot, target, targetInput: input.widget ?? input.name, type: asSlotType(tuple[5]) }
}

/** The input that says itself that it holds the link, for files whose slot numbers are off. */
function slotHolding({ node, source }: SavedNode, linkId: number): SavedSlot | undefined {
  const at = asArray(source['inputs']).findIndex((slot) => asObject(slot)['link'] === linkId)
  return node.inputs[at]
}

function savedLinkId(nodes: ReadonlyMap<NodeId, SavedNode>, link: GraphLink): Json | undefined {
  const saved = nodes.get(link.target)
  const at = saved?.node.inputs.findIndex((slot) => (slot.widget ?? slot.name) === link.targetInput) ?? -1
  return asObject(asArray(saved?.source['inputs'])[at])['link']
}

function withWidgets(
  node: GraphNode,
  source: JsonObject,
  definitions: DefinitionSource,
  warnings: ImportWarning[],
): GraphNode {
  const values = source['widgets_values']
  const named = source['widgets_values_named']
  if (node.classType === 'PrimitiveNode') return { ...node, widgets: primitiveValues(asArray(values)) }
  const definition = definitionForNode({ ...node, inputs: [] }, definitions)
  if (definition.origin === 'placeholder') {
    warnings.push({
      node: node.id,
      code: 'unknown-class',
      message: `The server has no node class "${node.classType}".`,
    })
    return {
      ...node,
      rest: { ...node.rest, ...keep('widgets_values', values), ...keep('widgets_values_named', named) },
    }
  }
  const { widgets, surplus, notRestored } = restoreWidgets(definition, values, named)
  for (const name of notRestored) {
    if (values === undefined && named === undefined) break
    const message = `The value of "${name}" could not be restored; it has its default now.`
    warnings.push({ node: node.id, code: 'value-not-restored', message })
  }
  const rest = surplus.length > 0 ? { ...node.rest, [SURPLUS]: [...surplus] } : node.rest
  return { ...node, widgets, rest }
}

const keep = (key: string, value: Json | undefined): JsonObject => (value === undefined ? {} : { [key]: value })

function primitiveValues([value, control, filter]: readonly Json[]): Record<string, Json> {
  return {
    ...(value === undefined ? {} : { value }),
    ...(control === undefined ? {} : { 'value/control': controlMode(control) }),
    ...(filter === undefined ? {} : { 'value/filter': filter }),
  }
}

function readGroups(file: JsonObject): GraphGroup[] {
  const used = new Set<string>()
  return asArray(file['groups']).flatMap((entry) => {
    const group = asObject(entry)
    const bounding = asNumbers(group['bounding'], 4)
    if (!bounding) return []
    let id = asNumber(group['id']) ?? 1
    while (used.has(String(id))) id++
    used.add(String(id))
    return [
      {
        id: String(id),
        title: typeof group['title'] === 'string' ? group['title'] : '',
        bounding: bounding as unknown as GraphGroup['bounding'],
        color: typeof group['color'] === 'string' ? group['color'] : null,
        rest: without(group, GROUP_KEYS),
      },
    ]
  })
}

function readViewport(ds: JsonObject): GraphViewport | null {
  const offset = asNumbers(ds['offset'], 2)
  const zoom = asNumber(ds['scale'])
  return offset && zoom && zoom > 0 ? { x: offset[0] as number, y: offset[1] as number, zoom } : null
}

const bigints = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? value.toString() : value)

/** Writes a graph as a v0.4 workflow, the one form that every front end of this kind opens. */
import { definitionForNode } from '../../definitions/for-node'
import type { DefinitionSource, InputDef, NodeDefinition } from '../../definitions/types'
import { layoutNode, TITLE_HEIGHT } from '../../definitions/layout'
import { topologicalOrder } from '../../graph/order'
import type { Graph, GraphGroup, GraphLink, GraphNode, Json, JsonObject, NodeId, SavedSlot } from '../../graph/model'
import { readGraph, type GraphReader } from '../../graph/reader'
import { asArray, asObject } from '../json-access'
import { SURPLUS } from './import'
import { namedKey } from './widget-values'

/** Writes the whole document. Equal graphs give equal documents. */
export function exportV04(graph: Graph, definitions: DefinitionSource): JsonObject {
  const reader = readGraph(graph, definitions)
  const order = topologicalOrder(graph)
  const slots = new Map<NodeId, WrittenSlots>(
    graph.nodes.map((node) => [node.id, writeSlots(node, definitionForNode(node, definitions, reader), reader)]),
  )
  const { id, revision, config, extra, ...others } = graph.rest
  return {
    ...(id === undefined ? {} : { id }),
    ...(revision === undefined ? {} : { revision }),
    last_node_id: graph.lastNodeId,
    last_link_id: graph.lastLinkId,
    nodes: graph.nodes.map((node) =>
      writeNode(
        node,
        definitionForNode(node, definitions, reader),
        slots.get(node.id) as WrittenSlots,
        order.get(node.id) ?? 0,
      ),
    ),
    links: graph.links.flatMap((link) => writeLink(link, slots)),
    groups: graph.groups.map(writeGroup),
    config: config ?? {},
    extra: writeExtra(asObject(extra), graph),
    ...others,
    version: 0.4,
  }
}

/** A node id as files hold it: a number where it is one. */
export function fileId(id: NodeId): number | string {
  return /^(0|-?[1-9]\d{0,14})$/.test(id) ? Number(id) : id
}

interface WrittenSlots {
  readonly inputs: JsonObject[]
  readonly inputNames: readonly string[]
  readonly outputs: JsonObject[]
}

function writeSlots(node: GraphNode, definition: NodeDefinition, reader: GraphReader): WrittenSlots {
  const linkOf = new Map(reader.linksInto(node.id).map((link) => [link.targetInput, link]))
  const savedInputs = new Map(node.inputs.map((slot) => [slot.widget ?? slot.name, slot]))
  const written = writtenInputs(definition, linkOf, savedInputs)
  const outgoing = reader.linksFrom(node.id)
  const outputCount = Math.max(definition.outputs.length, node.outputs.length)
  return {
    inputs: written.map((input) => writeInput(input, savedInputs.get(input.name), linkOf.get(input.name))),
    inputNames: written.map((input) => input.name),
    outputs: Array.from({ length: outputCount }, (_, at) => writeOutput(definition, node.outputs[at], at, outgoing)),
  }
}

/** Sockets first, then the widgets that a link feeds or that the file had something to say about. */
function writtenInputs(
  definition: NodeDefinition,
  linkOf: ReadonlyMap<string, GraphLink>,
  saved: ReadonlyMap<string, SavedSlot>,
): InputDef[] {
  const sockets = definition.inputs.filter((input) => input.kind === 'socket')
  const widgets = definition.inputs.filter(
    (input) => input.kind === 'widget' && (linkOf.has(input.name) || saved.get(input.name)?.label !== undefined),
  )
  return [...sockets, ...widgets]
}

function writeInput(input: InputDef, saved: SavedSlot | undefined, link: GraphLink | undefined): JsonObject {
  const widget = input.kind === 'widget' ? input.name : saved?.widget
  return {
    name: saved?.name ?? input.name,
    type: saved?.type ?? input.type,
    ...(input.optional && input.kind === 'socket' && saved === undefined ? { shape: 7 } : {}),
    ...(saved?.label === undefined ? {} : { label: saved.label }),
    ...saved?.rest,
    ...(widget === undefined ? {} : { widget: { name: widget } }),
    link: link?.id ?? null,
  }
}

function writeOutput(
  definition: NodeDefinition,
  saved: SavedSlot | undefined,
  at: number,
  outgoing: readonly GraphLink[],
): JsonObject {
  const output = definition.outputs[at]
  const links = outgoing.filter((link) => link.sourceSlot === at).map((link) => link.id)
  const fromServer = definition.origin === 'server'
  return {
    name: (fromServer ? output?.name : saved?.name) ?? output?.name ?? '',
    type: (fromServer ? output?.type : saved?.type) ?? output?.type ?? '*',
    ...(output?.isList && saved === undefined ? { shape: 6 } : {}),
    ...(saved?.label === undefined ? {} : { label: saved.label }),
    ...saved?.rest,
    ...(saved?.widget === undefined ? {} : { widget: { name: saved.widget } }),
    links: links.length > 0 ? links : null,
    slot_index: at,
  }
}

function writeNode(node: GraphNode, definition: NodeDefinition, slots: WrittenSlots, order: number): JsonObject {
  const { [SURPLUS]: surplus, flags, properties, ...rest } = node.rest
  const shown = layoutNode(definition, { size: node.size, collapsed: false })
  return {
    id: fileId(node.id),
    type: node.classType,
    pos: [...node.pos],
    size: node.size ? [...node.size] : [shown.width, shown.height - TITLE_HEIGHT],
    flags: {
      ...asObject(flags),
      ...(node.collapsed ? { collapsed: true } : {}),
      ...(node.pinned ? { pinned: true } : {}),
    },
    order,
    mode: node.mode,
    inputs: slots.inputs,
    outputs: slots.outputs,
    ...(node.title === null ? {} : { title: node.title }),
    properties: writeProperties(node, definition, asObject(properties)),
    ...writeValues(node, definition, asArray(surplus)),
    ...(node.color === null ? {} : { color: node.color }),
    ...(node.bgcolor === null ? {} : { bgcolor: node.bgcolor }),
    ...rest,
  }
}

function writeProperties(node: GraphNode, definition: NodeDefinition, properties: JsonObject): JsonObject {
  if (definition.origin !== 'server' || 'Node name for S&R' in properties) return properties
  return { 'Node name for S&R': node.classType, ...properties }
}

function writeValues(node: GraphNode, definition: NodeDefinition, surplus: readonly Json[]): JsonObject {
  if (node.classType === 'PrimitiveNode') return primitiveValues(node)
  if (definition.widgets.length === 0) return {}
  const valueOf = (name: string, usual: Json): Json => node.widgets[name] ?? usual
  const named: JsonObject = {}
  for (const widget of definition.widgets) {
    const key = namedKey(definition, widget)
    if (key !== null) named[key] = valueOf(widget.name, widget.spec.default)
  }
  const values = definition.widgets.map((widget) => valueOf(widget.name, widget.spec.default))
  return { widgets_values: [...values, ...surplus], widgets_values_named: named }
}

function primitiveValues(node: GraphNode): JsonObject {
  const { value, 'value/control': control, 'value/filter': filter } = node.widgets
  if (value === undefined) return {}
  const entries = [value, control, filter].filter((entry) => entry !== undefined)
  return { widgets_values: entries }
}

function writeLink(link: GraphLink, slots: ReadonlyMap<NodeId, WrittenSlots>): Json[] {
  const slot = slots.get(link.target)?.inputNames.indexOf(link.targetInput) ?? -1
  if (slot < 0) return []
  return [[link.id, fileId(link.source), link.sourceSlot, fileId(link.target), slot, link.type]]
}

function writeGroup(group: GraphGroup): JsonObject {
  return {
    id: Number(group.id),
    title: group.title,
    bounding: [...group.bounding],
    ...(group.color === null ? {} : { color: group.color }),
    ...group.rest,
  }
}

function writeExtra(extra: JsonObject, graph: Graph): JsonObject {
  if (!graph.viewport) return extra
  const { x, y, zoom } = graph.viewport
  return { ...extra, ds: { ...asObject(extra['ds']), scale: zoom, offset: [x, y] } }
}

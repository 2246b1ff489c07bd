/** From the edited graph to the prompt that the server runs. */
import type { DefinitionSource, NodeDefinition, WidgetDef } from '../../definitions/types'
import { EDITOR_CLASSES } from '../../definitions/editor-nodes'
import { NodeMode, type Graph, type GraphNode, type Json, type JsonObject, type NodeId } from '../model'
import { readGraph, type GraphReader } from '../reader'
import { resolveSource, SourceCycle } from './resolve-source'
import { replaceVariables, resolveChoices, type WidgetLookup } from './text'

/** A node that keeps the graph from being run. */
export interface Blocker {
  readonly node: NodeId
  readonly code: 'unknown-class' | 'cycle'
  readonly classType: string
  /** A sentence for people. */
  readonly message: string
}

/** A prompt, or what keeps the graph from becoming one. */
export type Compiled =
  { readonly ok: true; readonly prompt: JsonObject } | { readonly ok: false; readonly blockers: readonly Blocker[] }

/** What compiling depends on besides the graph. */
export interface CompileOptions {
  /** Leave out nodes of unknown classes instead of refusing. */
  readonly withoutUnknown?: boolean
  readonly random?: () => number
  readonly now?: Date
}

/**
 * Compiles a graph. Muted and bypassed nodes, reroutes, primitives and notes vanish; links go to where values really
 * come from. Nodes of classes that the server does not know block the run unless the options leave them out.
 */
export function compile(graph: Graph, definitions: DefinitionSource, options: CompileOptions = {}): Compiled {
  const reader = readGraph(graph, definitions)
  const context: Context = {
    reader,
    random: options.random ?? Math.random,
    now: options.now ?? new Date(),
    lookup: widgetLookup(graph, reader),
  }
  const blockers: Blocker[] = []
  const prompt: JsonObject = {}
  for (const node of graph.nodes) {
    if (!takesPart(node)) continue
    const definition = reader.definitionOf(node.id) as NodeDefinition
    if (definition.origin === 'placeholder') {
      if (!options.withoutUnknown) blockers.push(unknown(node))
      continue
    }
    try {
      prompt[node.id] = compileNode(node, definition, context)
    } catch (error) {
      if (!(error instanceof SourceCycle)) throw error
      blockers.push({ node: node.id, code: 'cycle', classType: node.classType, message: error.message })
    }
  }
  if (blockers.length > 0) return { ok: false, blockers }
  dropDanglingLinks(prompt)
  return { ok: true, prompt }
}

interface Context {
  readonly reader: GraphReader
  readonly random: () => number
  readonly now: Date
  readonly lookup: WidgetLookup
}

const takesPart = (node: GraphNode): boolean =>
  node.mode !== NodeMode.mute && node.mode !== NodeMode.bypass && !EDITOR_CLASSES.has(node.classType)

function unknown(node: GraphNode): Blocker {
  const message = `The server has no node class "${node.classType}": install what provides it, or run without this node.`
  return { node: node.id, code: 'unknown-class', classType: node.classType, message }
}

function compileNode(node: GraphNode, definition: NodeDefinition, context: Context): JsonObject {
  const inputs: JsonObject = {}
  for (const widget of definition.widgets) {
    if (!widget.sent) continue
    const value = node.widgets[widget.name] ?? widget.spec.default
    if (value !== null) inputs[widget.name] = literal(widget, value, context)
  }
  for (const { targetInput } of context.reader.linksInto(node.id)) {
    const source = resolveSource(context.reader, node.id, targetInput)
    if (source?.kind === 'output') inputs[targetInput] = [source.node, source.slot]
    else if (source) inputs[targetInput] = wrap(primitiveValue(source, context), null)
  }
  return { inputs, class_type: node.classType, _meta: { title: node.title ?? definition.displayName } }
}

function literal(widget: WidgetDef, value: Json, { random, lookup, now }: Context): Json {
  const { spec } = widget
  if (spec.kind === 'other') return wrap(value, spec.type)
  if (spec.kind !== 'text' || typeof value !== 'string') return wrap(value, null)
  const text = spec.dynamicPrompts ? resolveChoices(value, random) : value
  return widget.name === 'filename_prefix' ? replaceVariables(text, lookup, now) : text
}

/** A list would be taken for a link: it travels inside an object. */
function wrap(value: Json, type: string | null): Json {
  if (type === 'CURVE') return { __type__: 'CURVE', __value__: value }
  return Array.isArray(value) ? { __value__: value } : value
}

/** Property of a primitive that asks for variables in its text to be replaced. */
const REPLACES = 'Run widget replace on values'

function primitiveValue(source: { value: Json; primitive: NodeId }, { reader, lookup, now }: Context): Json {
  const properties = reader.getNode(source.primitive)?.rest['properties']
  const replaces =
    typeof properties === 'object' && properties !== null && (properties as JsonObject)[REPLACES] === true
  return replaces && typeof source.value === 'string' ? replaceVariables(source.value, lookup, now) : source.value
}

/** Looks widgets up by the node's name for search and replace, else by its title. */
function widgetLookup(graph: Graph, reader: GraphReader): WidgetLookup {
  return (name, widget) => {
    const found =
      graph.nodes.find((node) => searchName(node) === name) ??
      graph.nodes.find((node) => (node.title ?? reader.definitionOf(node.id)?.displayName) === name)
    return found?.widgets[widget]
  }
}

function searchName(node: GraphNode): string {
  const properties = node.rest['properties']
  const name =
    typeof properties === 'object' && properties !== null ? (properties as JsonObject)['Node name for S&R'] : undefined
  return typeof name === 'string' ? name : node.classType
}

function dropDanglingLinks(prompt: JsonObject): void {
  for (const entry of Object.values(prompt)) {
    const inputs = (entry as JsonObject)['inputs'] as JsonObject
    for (const [name, value] of Object.entries(inputs)) {
      if (Array.isArray(value) && !((value[0] as string) in prompt)) delete inputs[name]
    }
  }
}

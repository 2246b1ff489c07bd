/** Reads an API workflow, the executable form without positions, into a graph that still has to be laid out. */
import { defaultWidgets, definitionForNode } from '../../definitions/for-node'
import type { DefinitionSource, NodeDefinition } from '../../definitions/types'
import {
  makeNode,
  type GraphLink,
  type GraphNode,
  type Json,
  type JsonObject,
  type NodeId,
  type SavedSlot,
} from '../../graph/model'
import { outputType } from '../../graph/slot-types'
import { readGraph } from '../../graph/reader'
import type { ImportResult, ImportWarning } from '../import-result'
import { asId, asNumber, asObject, isObject } from '../json-access'

/** True when the value has the shape of an API workflow. */
export function isApiWorkflow(value: Json): value is JsonObject {
  if (!isObject(value)) return false
  const nodes = Object.values(value)
  return (
    nodes.length > 0 &&
    nodes.every((node) => isObject(node) && typeof node['class_type'] === 'string' && isObject(node['inputs']))
  )
}

/**
 * Imports an API workflow. Ids with `:` (nodes inside subgraphs) get `_` instead; inputs of unknown classes become
 * slots that take anything, and their literals are kept.
 */
export function importApiWorkflow(file: JsonObject, definitions: DefinitionSource): ImportResult {
  const warnings: ImportWarning[] = []
  const renamed = renameIds(Object.keys(file), warnings)
  const nodes: GraphNode[] = []
  const links: GraphLink[] = []
  const slotsUsed = highestSlots(file)
  for (const [key, entry] of Object.entries(file)) {
    const id = renamed.get(key) as NodeId
    const { class_type: classType, inputs, _meta: meta, ...rest } = asObject(entry)
    const draft = makeNode({ id, classType: typeof classType === 'string' ? classType : '', index: nodes.length, rest })
    const definition = definitionForNode(draft, definitions)
    const wanted = asObject(inputs)
    nodes.push(readNode(draft, definition, wanted, asObject(meta), slotsUsed.get(key) ?? -1))
    if (definition.origin === 'placeholder') {
      warnings.push({ node: id, code: 'unknown-class', message: `The server has no node class "${draft.classType}".` })
    }
    for (const [name, value] of Object.entries(wanted)) {
      const source = linkSource(value, renamed)
      if (!source || !takesLink(definition, name, value)) continue
      links.push({ id: links.length + 1, ...source, target: id, targetInput: name, type: '*' })
    }
  }
  const graph = {
    nodes,
    links,
    groups: [],
    viewport: null,
    lastNodeId: Math.max(0, ...nodes.map((node) => Number(node.id)).filter(Number.isSafeInteger)),
    lastLinkId: links.length,
    rest: {},
  }
  const reader = readGraph(graph, definitions)
  const typed = links.map((link) => ({ ...link, type: outputType(reader, link.source, link.sourceSlot) ?? '*' }))
  return { graph: { ...graph, links: typed }, warnings, needsLayout: true }
}

function renameIds(keys: readonly string[], warnings: ImportWarning[]): Map<string, NodeId> {
  const taken = new Set(keys.filter((key) => !key.includes(':')))
  const renamed = new Map<string, NodeId>()
  for (const key of keys) {
    let id = key.replaceAll(':', '_')
    if (id !== key) {
      while (taken.has(id)) id += '_'
      taken.add(id)
      warnings.push({ node: id, code: 'id-changed', message: `Node "${key}" is called "${id}" now.` })
    }
    renamed.set(key, id)
  }
  return renamed
}

/** The source that a value points to, if it is a link to a node of this file. */
function linkSource(value: Json, ids: ReadonlyMap<string, NodeId>): { source: NodeId; sourceSlot: number } | null {
  if (!Array.isArray(value) || value.length !== 2) return null
  const key = asId(value[0])
  const source = key === null ? undefined : ids.get(key)
  const sourceSlot = typeof value[1] === 'string' ? null : asNumber(value[1])
  return source === undefined || sourceSlot === null ? null : { source, sourceSlot: Math.trunc(sourceSlot) }
}

/** Anything with the shape of a link is one, unless the class says that the input cannot be linked. */
function takesLink(definition: NodeDefinition, name: string, value: Json): boolean {
  const input = definition.inputs.find((entry) => entry.name === name)
  return Array.isArray(value) && (input?.widget ? input.widget.linkable : true)
}

/** Greatest output index that any link uses, by source: gives placeholders their outputs. */
function highestSlots(file: JsonObject): Map<string, number> {
  const highest = new Map<string, number>()
  for (const entry of Object.values(file)) {
    for (const value of Object.values(asObject(asObject(entry)['inputs']))) {
      if (!Array.isArray(value) || value.length !== 2) continue
      const key = asId(value[0])
      const slot = asNumber(value[1])
      if (key !== null && slot !== null && slot < 256) highest.set(key, Math.max(highest.get(key) ?? -1, slot))
    }
  }
  return highest
}

function readNode(
  draft: GraphNode,
  definition: NodeDefinition,
  inputs: JsonObject,
  meta: JsonObject,
  highestSlot: number,
): GraphNode {
  const title = typeof meta['title'] === 'string' && meta['title'] !== definition.displayName ? meta['title'] : null
  const literals = Object.entries(inputs).filter(([, value]) => !Array.isArray(value))
  if (definition.origin === 'placeholder') {
    const values: JsonObject = Object.fromEntries(literals.map(([name, value]) => [name, unwrap(value)]))
    return {
      ...draft,
      title,
      inputs: Object.entries(inputs).flatMap(([name, value]) => (Array.isArray(value) ? [anySlot(name)] : [])),
      outputs: Array.from({ length: highestSlot + 1 }, (_, at) => anySlot(`output ${at}`)),
      rest: { ...draft.rest, widgets_values: Object.values(values), widgets_values_named: values },
    }
  }
  const known = new Set(definition.inputs.map((input) => input.name))
  const widgets = { ...defaultWidgets(definition) }
  for (const [name, value] of literals) if (known.has(name)) widgets[name] = unwrap(value)
  // Whoever wrote the file chose these seeds: the first run shall repeat its picture.
  for (const widget of definition.widgets) if (widget.spec.kind === 'control') widgets[widget.name] = 'fixed'
  const surplus = Object.entries(inputs).filter(([name, value]) => Array.isArray(value) && !known.has(name))
  return { ...draft, title, widgets, inputs: surplus.map(([name]) => anySlot(name)) }
}

const anySlot = (name: string): SavedSlot => ({ name, type: '*' })

/** A literal as it was before it was wrapped, so that a list would not be taken for a link. */
function unwrap(value: Json): Json {
  if (!isObject(value) || !('__value__' in value)) return value
  const inner = value['__value__']
  return Array.isArray(inner) || value['__type__'] === 'CURVE' ? inner : value
}

/** Reads `/object_info` into node definitions. Entries that make no sense are skipped and named, never fatal. */
import type { Json, JsonObject } from '../graph/model'
import { editorDefinition } from './editor-nodes'
import type { DefinitionSource, InputDef, NodeDefinition, OutputDef } from './types'
import { companionsOf, readWidget } from './widget-spec'

/** All classes of a server. */
export class Definitions implements DefinitionSource {
  readonly #byClass: ReadonlyMap<string, NodeDefinition>

  constructor(
    definitions: Iterable<NodeDefinition>,
    /** Classes whose declaration could not be read. */
    readonly skipped: readonly string[] = [],
  ) {
    this.#byClass = new Map([...definitions].map((definition) => [definition.classType, definition]))
  }

  get(classType: string): NodeDefinition | undefined {
    return editorDefinition(classType) ?? this.#byClass.get(classType)
  }

  /** All classes of the server, in its order. */
  all(): readonly NodeDefinition[] {
    return [...this.#byClass.values()]
  }

  get size(): number {
    return this.#byClass.size
  }
}

/** Reads the whole answer of `/object_info`. */
export function readObjectInfo(answer: Json): Definitions {
  const made: NodeDefinition[] = []
  const skipped: string[] = []
  for (const [classType, entry] of Object.entries(isObject(answer) ? answer : {})) {
    const definition = isObject(entry) ? readDefinition(classType, entry) : null
    if (definition) made.push(definition)
    else skipped.push(classType)
  }
  return new Definitions(made, skipped)
}

/** Reads one class; null when the entry has no inputs and outputs to read. */
export function readDefinition(classType: string, entry: JsonObject): NodeDefinition | null {
  const sections = entry['input']
  if (sections !== undefined && !isObject(sections)) return null
  const inputs = readInputs(sections ?? {}, isObject(entry['input_order']) ? entry['input_order'] : {})
  const outputs = readOutputs(entry)
  return {
    classType,
    displayName: text(entry['display_name']) || classType,
    category: text(entry['category']),
    description: text(entry['description']),
    origin: 'server',
    module: text(entry['python_module']),
    inputs,
    outputs,
    widgets: inputs.flatMap((input) => (input.widget ? [input.widget, ...companionsOf(input.widget)] : [])),
    outputNode: entry['output_node'] === true,
    deprecated: entry['deprecated'] === true,
    experimental: entry['experimental'] === true,
    unsupportedFamily: text(entry['unsupported_family']),
    aliases: list(entry['search_aliases']).filter((alias) => typeof alias === 'string'),
    showsMedia: showsMedia(entry['output_node'] === true, inputs),
  }
}

function showsMedia(outputNode: boolean, inputs: readonly InputDef[]): boolean {
  const takesImages = inputs.some((input) => input.type === 'IMAGE' || input.type === 'MASK')
  const uploads = inputs.some((input) => input.widget?.spec.kind === 'combo' && input.widget.spec.upload === 'image')
  return (outputNode && takesImages) || uploads
}

function readInputs(sections: JsonObject, order: JsonObject): InputDef[] {
  return (['required', 'optional'] as const).flatMap((section) => {
    const declared = isObject(sections[section]) ? sections[section] : {}
    const names = list(order[section]).filter((name) => typeof name === 'string' && name in declared) as string[]
    const rest = Object.keys(declared).filter((name) => !names.includes(name))
    return [...names, ...rest].flatMap((name) => readInput(name, declared[name], section === 'optional') ?? [])
  })
}

function readInput(name: string, declared: Json | undefined, optional: boolean): InputDef | null {
  const [kind, given] = Array.isArray(declared) ? declared : [declared]
  const options = isObject(given) ? given : {}
  const choices = Array.isArray(kind) ? kind : null
  const type = choices ? 'COMBO' : typeof kind === 'string' ? kind : null
  if (type === null) return null
  const label = text(options['display_name']) || name
  const tooltip = text(options['tooltip']) || null
  const widget = options['forceInput'] === true ? null : readWidget({ name, label, tooltip, type, choices, options })
  return { name, type, kind: widget ? 'widget' : 'socket', optional, label, tooltip, widget, options }
}

function readOutputs(entry: JsonObject): OutputDef[] {
  const names = list(entry['output_name'])
  const lists = list(entry['output_is_list'])
  const tooltips = list(entry['output_tooltips'])
  return list(entry['output']).map((type, index) => {
    const slotType = Array.isArray(type) ? 'COMBO' : text(type) || '*'
    return {
      index,
      name: text(names[index]) || slotType,
      type: slotType,
      isList: lists[index] === true,
      tooltip: text(tooltips[index]) || null,
    }
  })
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '')
const list = (value: Json | undefined): Json[] => (Array.isArray(value) ? value : [])

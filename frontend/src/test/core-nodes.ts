/** The recorded classes of ComfyUI's core, in the form of `/object_info`; for tests of what the editor makes of them. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { readObjectInfo, type Definitions } from '../definitions/object-info'
import { parseLossless } from '../formats/lossless-json'
import type { Json, JsonObject } from '../graph/model'

const RECORD = path.join(import.meta.dirname, '..', '..', '..', 'tests', 'golden', 'core-nodes.json')

/** One recorded class, as far as the editor shows it. */
export interface RecordedNode {
  readonly class_type: string
  /** Null: the class name is shown. */
  readonly display_name: string | null
  readonly category: string
  readonly deprecated?: boolean
  readonly experimental?: boolean
  readonly output_node: boolean
  readonly inputs: readonly (JsonObject & {
    readonly name: string
    readonly type: string
    readonly required: boolean
  })[]
  readonly outputs: readonly { readonly name: string; readonly type: string; readonly is_list: boolean }[]
}

const record = parseLossless(readFileSync(RECORD, 'utf8')) as unknown as {
  nodes: RecordedNode[]
  lists: Record<string, Json[]>
}

export const recordedNodes: readonly RecordedNode[] = record.nodes

/** Menus of files hold this one. */
export const FILE = 'a file.safetensors'

/** The recorded classes, read as the page reads them. */
export function coreDefinitions(): Definitions {
  return readObjectInfo(Object.fromEntries(record.nodes.map((node) => [node.class_type, entry(node)])))
}

function entry(node: RecordedNode): JsonObject {
  const section = (required: boolean): JsonObject =>
    Object.fromEntries(
      node.inputs.filter((input) => input.required === required).map((input) => [input.name, declared(input)]),
    )
  return {
    input: { required: section(true), optional: section(false) },
    output: node.outputs.map((output) => output.type),
    output_name: node.outputs.map((output) => output.name),
    output_is_list: node.outputs.map((output) => output.is_list),
    display_name: node.display_name,
    category: node.category,
    output_node: node.output_node,
    deprecated: node.deprecated ?? false,
    experimental: node.experimental ?? false,
  }
}

/** A menu is recorded as its entries, as the name of a shared list, or as the place where its files come from. */
function declared({ name: _name, type, required: _required, options, ...rest }: RecordedNode['inputs'][number]): Json {
  if (type !== 'COMBO') return [type, rest]
  const menu = typeof options === 'string' ? (record.lists[options] ?? []) : (options ?? [FILE])
  return 'multiselect' in rest ? ['COMBO', { ...rest, options: menu }] : [menu, rest]
}

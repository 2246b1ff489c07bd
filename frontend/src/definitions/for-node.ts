/** The definition as it applies to one node of a graph: known class, editor's own node, or placeholder. */
import type { Json, NodeView } from '../graph/model'
import type { GraphReader } from '../graph/reader'
import { editorDefinition, primitiveDefinition } from './editor-nodes'
import type { DefinitionSource, InputDef, NodeDefinition, OutputDef } from './types'

const extended = new WeakMap<NodeView, { base: NodeDefinition; made: NodeDefinition }>()
const placeholders = new WeakMap<NodeView, NodeDefinition>()

/**
 * Definition of a node. Inputs that the node was saved with and that its class does not declare (inputs that a class
 * adds while it is used) come last; a class that nobody knows gets a placeholder made of the node's saved slots.
 */
export function definitionForNode(node: NodeView, definitions: DefinitionSource, graph?: GraphReader): NodeDefinition {
  if (node.classType === 'PrimitiveNode') return primitiveDefinition(node, graph)
  const base = editorDefinition(node.classType) ?? definitions.get(node.classType)
  if (!base) return placeholderFor(node)
  const surplus = node.inputs.filter((slot) => !slot.widget && !base.inputs.some((input) => input.name === slot.name))
  if (surplus.length === 0 || base.origin === 'editor') return base
  const known = extended.get(node)
  if (known?.base === base) return known.made
  const made = { ...base, inputs: [...base.inputs, ...surplus.map((slot) => socket(slot.name, slot.type, slot.label))] }
  extended.set(node, { base, made })
  return made
}

function placeholderFor(node: NodeView): NodeDefinition {
  const known = placeholders.get(node)
  if (known) return known
  const inputs: InputDef[] = node.inputs.map((slot) => socket(slot.widget ?? slot.name, slot.type, slot.label))
  const outputs: OutputDef[] = node.outputs.map((slot, index) => ({
    index,
    name: slot.label ?? slot.name,
    type: slot.type,
    isList: false,
    tooltip: null,
  }))
  const made: NodeDefinition = {
    classType: node.classType,
    displayName: node.title ?? node.classType,
    category: '',
    description: `The server has no node class "${node.classType}".`,
    origin: 'placeholder',
    module: '',
    inputs,
    outputs,
    widgets: [],
    outputNode: false,
    deprecated: false,
    experimental: false,
    unsupportedFamily: '',
    aliases: [],
    showsMedia: false,
  }
  placeholders.set(node, made)
  return made
}

function socket(name: string, type: string, label?: string): InputDef {
  return { name, type, kind: 'socket', optional: true, label: label ?? name, tooltip: null, widget: null, options: {} }
}

/** Widget values of a new node. */
export function defaultWidgets(definition: NodeDefinition): Record<string, Json> {
  return Object.fromEntries(definition.widgets.map((widget) => [widget.name, widget.spec.default]))
}

/** Node classes that exist in the editor alone; the compiler makes them vanish. */
import type { NodeView } from '../graph/model'
import type { GraphReader } from '../graph/reader'
import type { InputDef, NodeDefinition, OutputDef, WidgetDef, WidgetSpec } from './types'

/** Classes that never reach the server. */
export const EDITOR_CLASSES: ReadonlySet<string> = new Set(['Reroute', 'PrimitiveNode', 'Note', 'MarkdownNote'])

const base: Omit<NodeDefinition, 'classType' | 'displayName' | 'description'> = {
  category: 'utils',
  origin: 'editor',
  module: '',
  inputs: [],
  outputs: [],
  widgets: [],
  outputNode: false,
  deprecated: false,
  experimental: false,
  unsupportedFamily: '',
  aliases: [],
  showsMedia: false,
}

const anySocket: InputDef = {
  name: '',
  type: '*',
  kind: 'socket',
  optional: true,
  label: '',
  tooltip: null,
  widget: null,
  options: {},
}

const output = (type: string, name: string): OutputDef => ({ index: 0, name, type, isList: false, tooltip: null })

/** A value widget of an editor node. */
export function valueWidget(name: string, spec: WidgetSpec): WidgetDef {
  return { name, input: name, label: name, tooltip: null, spec, sent: true, linkable: false, advanced: false }
}

const note = (classType: string, displayName: string): NodeDefinition => ({
  ...base,
  classType,
  displayName,
  description: 'Text for people; it takes no part in a run.',
  widgets: [
    valueWidget('text', { kind: 'text', default: '', multiline: true, placeholder: null, dynamicPrompts: false }),
  ],
})

const DEFINITIONS: ReadonlyMap<string, NodeDefinition> = new Map(
  [
    note('Note', 'Note'),
    note('MarkdownNote', 'Markdown Note'),
    {
      ...base,
      classType: 'Reroute',
      displayName: 'Reroute',
      description: 'Leads a link another way.',
      inputs: [anySocket],
      outputs: [output('*', '')],
    },
    {
      ...base,
      classType: 'PrimitiveNode',
      displayName: 'Primitive',
      description: 'Gives one value to the widgets it is connected to.',
      outputs: [output('*', 'connect to widget input')],
    },
  ].map((definition) => [definition.classType, definition]),
)

/** The editor's own definition of a class, if it has one. */
export function editorDefinition(classType: string): NodeDefinition | undefined {
  return DEFINITIONS.get(classType)
}

/** All definitions of the editor's own classes, for the search. */
export const editorDefinitions: readonly NodeDefinition[] = [...DEFINITIONS.values()]

const primitives = new WeakMap<NodeView, { widget: WidgetDef | null; made: NodeDefinition }>()

/** A primitive's definition: its value looks like the widget of the first input it is connected to. */
export function primitiveDefinition(node: NodeView, graph?: GraphReader): NodeDefinition {
  const widget = targetWidget(node, graph)
  const known = primitives.get(node)
  if (known && known.widget === widget) return known.made
  const plain = DEFINITIONS.get('PrimitiveNode') as NodeDefinition
  const saved = node.outputs[0]
  const type = widget ? slotType(widget) : (saved?.type ?? '*')
  const made: NodeDefinition = {
    ...plain,
    outputs: [output(type, widget?.input ?? saved?.name ?? 'connect to widget input')],
    widgets: widget ? primitiveWidgets(widget) : [],
  }
  primitives.set(node, { widget, made })
  return made
}

function targetWidget(node: NodeView, graph?: GraphReader): WidgetDef | null {
  for (const link of graph?.linksFrom(node.id) ?? []) {
    if (graph?.getNode(link.target)?.classType === 'PrimitiveNode') continue
    const widget = graph?.definitionOf(link.target)?.widgets.find((entry) => entry.name === link.targetInput)
    if (widget) return widget
  }
  return null
}

function primitiveWidgets(target: WidgetDef): WidgetDef[] {
  const value: WidgetDef = { ...target, name: 'value', input: 'value', linkable: false }
  const companion = (name: string, label: string, spec: WidgetSpec): WidgetDef => ({
    ...valueWidget(`value/${name}`, spec),
    input: 'value',
    label,
    sent: false,
  })
  const { spec } = target
  if (spec.kind === 'int' || spec.kind === 'float') {
    return [value, companion('control', 'control after generate', controlSpec(spec.control ?? 'fixed', false))]
  }
  if (spec.kind === 'combo') {
    return [
      value,
      companion('control', 'control after generate', controlSpec(spec.control ?? 'fixed', true)),
      companion('filter', 'filter', { kind: 'filter', default: '' }),
    ]
  }
  return [value]
}

/** The mode menu's spec. */
export function controlSpec(
  mode: 'fixed' | 'increment' | 'decrement' | 'randomize' | 'increment-wrap',
  combo: boolean,
) {
  const modes = ['fixed', 'increment', 'decrement', 'randomize'] as const
  return { kind: 'control', default: mode, modes: combo ? [...modes, 'increment-wrap' as const] : modes } as const
}

/** Slot type of a widget's input. */
export function slotType(widget: WidgetDef): string {
  switch (widget.spec.kind) {
    case 'int':
      return 'INT'
    case 'float':
      return 'FLOAT'
    case 'text':
      return 'STRING'
    case 'boolean':
      return 'BOOLEAN'
    case 'combo':
      return 'COMBO'
    case 'colour':
      return 'COLOR'
    case 'other':
      return widget.spec.type
    case 'control':
    case 'filter':
    case 'upload':
      return '*'
  }
}

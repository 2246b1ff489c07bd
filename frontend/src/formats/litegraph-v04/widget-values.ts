/** Brings a saved node's `widgets_values` back to the widgets they belong to, and never to others. */
import type { ControlMode, NodeDefinition, WidgetDef } from '../../definitions/types'
import type { Json, JsonObject } from '../../graph/model'
import { align } from './align'

/** Values by widget name, what was left over, and the widgets that got their default instead of a saved value. */
export interface RestoredWidgets {
  readonly widgets: Record<string, Json>
  /** Entries behind the known ones, made by other front ends; written back unchanged. */
  readonly surplus: readonly Json[]
  readonly notRestored: readonly string[]
}

/** Name of the mode entry in the named form. */
export const NAMED_CONTROL = 'control_after_generate'
const NAMED_FILTER = 'control_filter_list'
const MODES: readonly string[] = ['fixed', 'increment', 'decrement', 'randomize', 'increment-wrap']

/** Restores values from the array, the object and the named form of a file, in the order of trust. */
export function restoreWidgets(definition: NodeDefinition, values: unknown, named: unknown): RestoredWidgets {
  const byName = isRecord(values) ? values : isRecord(named) ? named : null
  if (!Array.isArray(values)) return fromNames(definition, byName ?? {}, byName !== null)
  const list = values as Json[]
  const exact = exactMatch(definition, list)
  if (exact) return finish(definition, exact, [])
  if (byName) return fromNames(definition, byName, true)
  const { widgets } = definition
  if (list.length > widgets.length && list.slice(0, widgets.length).every((value, at) => fits(at, widgets, value))) {
    return finish(definition, pair(widgets, list), list.slice(widgets.length))
  }
  if (list.length === 0) return finish(definition, new Map(), [])
  return finish(definition, align(widgets, list, score), [])
}

/** Positional readings that other versions of the format allow; the first whose length and types agree. */
function exactMatch(definition: NodeDefinition, values: readonly Json[]): Map<WidgetDef, Json> | null {
  const { widgets } = definition
  const dropped = (kinds: readonly string[]) => widgets.filter((widget) => !kinds.includes(widget.spec.kind))
  const readings: (() => readonly (WidgetDef | null)[])[] = [
    () => widgets,
    () => withForcedInputs(definition),
    () => dropped(['upload']),
    () => dropped(['filter']),
    () => dropped(['control', 'filter', 'upload']),
  ]
  for (const reading of readings) {
    const sequence = reading()
    if (sequence.length !== values.length) continue
    if (sequence.every((widget, at) => widget === null || score(widget, values[at] as Json) > 0))
      return pair(sequence, values)
  }
  return null
}

/** The expected entries with a null where old files hold a dummy for an input that is a socket by force. */
function withForcedInputs(definition: NodeDefinition): (WidgetDef | null)[] {
  const companions = (input: WidgetDef) => definition.widgets.filter((widget) => widget.input === input.name)
  return definition.inputs.flatMap((input) => {
    if (input.widget) return companions(input.widget)
    return input.options['forceInput'] === true ? [null] : []
  })
}

function pair(sequence: readonly (WidgetDef | null)[], values: readonly Json[]): Map<WidgetDef, Json> {
  const pairs = new Map<WidgetDef, Json>()
  sequence.forEach((widget, at) => {
    if (widget) pairs.set(widget, values[at] as Json)
  })
  return pairs
}

const fits = (at: number, widgets: readonly WidgetDef[], value: Json): boolean =>
  score(widgets[at] as WidgetDef, value) > 0

/** How well a value fits a widget: 0 not at all, 1 possibly (a name that is no option any more), 2 well. */
function score(widget: WidgetDef, value: Json): 0 | 1 | 2 {
  const { spec } = widget
  switch (spec.kind) {
    case 'int':
      if (typeof value === 'number') return Number.isInteger(value) ? 2 : 0
      return typeof value === 'bigint' ? 2 : value === null || isNumeral(value) ? 1 : 0
    case 'float':
      return typeof value === 'number' || typeof value === 'bigint' ? 2 : value === null || isNumeral(value) ? 1 : 0
    case 'text':
    case 'colour':
      return typeof value === 'string' ? 2 : value === null ? 1 : 0
    case 'boolean':
      return typeof value === 'boolean' ? 2 : 0
    case 'combo':
      if (spec.options.some((option) => option === value)) return 2
      return typeof value === 'string' || value === null || (typeof value === 'number' && hasNumber(spec.options))
        ? 1
        : 0
    case 'control':
      return typeof value === 'string' && MODES.includes(value) ? 2 : typeof value === 'boolean' ? 1 : 0
    case 'filter':
      return typeof value === 'string' || value === null ? 1 : 0
    case 'upload':
      return value === spec.default ? 2 : typeof value === 'string' || value === null ? 1 : 0
    case 'other':
      return 1
  }
}

const isNumeral = (value: Json): boolean =>
  typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value))
const hasNumber = (options: readonly unknown[]): boolean => options.some((option) => typeof option === 'number')

function fromNames(definition: NodeDefinition, byName: JsonObject, expected: boolean): RestoredWidgets {
  const pairs = new Map<WidgetDef, Json>()
  for (const widget of definition.widgets) {
    const key = namedKey(definition, widget)
    if (key === null) continue
    const value = byName[key]
    if (value !== undefined && score(widget, value) > 0) pairs.set(widget, value)
  }
  return finish(definition, pairs, [], expected)
}

/** Key of a widget in the named form; null for entries that have none there. */
export function namedKey(definition: NodeDefinition, widget: WidgetDef): string | null {
  const firstOf = (kind: string) => definition.widgets.find((entry) => entry.spec.kind === kind) === widget
  if (widget.spec.kind === 'control') return firstOf('control') ? NAMED_CONTROL : null
  if (widget.spec.kind === 'filter') return firstOf('filter') ? NAMED_FILTER : null
  return widget.sent ? widget.name : null
}

function finish(
  definition: NodeDefinition,
  pairs: ReadonlyMap<WidgetDef, Json>,
  surplus: readonly Json[],
  warn = true,
): RestoredWidgets {
  const widgets: Record<string, Json> = {}
  const notRestored: string[] = []
  for (const widget of definition.widgets) {
    const value = pairs.get(widget)
    if (value === undefined || (value === null && widget.spec.kind !== 'other')) {
      widgets[widget.name] = widget.spec.default
      if (warn && widget.sent && value === undefined) notRestored.push(widget.name)
    } else widgets[widget.name] = clean(widget, value)
  }
  return { widgets, surplus, notRestored }
}

function clean(widget: WidgetDef, value: Json): Json {
  const { kind } = widget.spec
  if (kind === 'control') return controlMode(value)
  if ((kind === 'int' || kind === 'float') && typeof value === 'string') return numeral(value)
  return value
}

function numeral(value: string): Json {
  const number = Number(value)
  return Number.isInteger(number) && !Number.isSafeInteger(number) && /^-?\d+$/.test(value.trim())
    ? BigInt(value)
    : number
}

/** A saved control entry; the oldest files hold a boolean, and what is unknown means randomize. */
export function controlMode(value: unknown): ControlMode {
  if (value === false) return 'fixed'
  return typeof value === 'string' && MODES.includes(value) ? (value as ControlMode) : 'randomize'
}

const isRecord = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

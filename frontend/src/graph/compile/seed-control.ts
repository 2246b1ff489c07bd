/** What happens to seeds and other controlled values after a run was queued. */
import type { ComboOption, ControlMode, Numeric, WidgetDef, WidgetSpec } from '../../definitions/types'
import type { Json, NodeId } from '../model'
import type { GraphReader } from '../reader'

/** A widget's next value. */
export type ControlChange = readonly [node: NodeId, widget: string, value: Json]

/** Values drawn at random stay within this distance of zero: plain numbers hold them exactly. */
const RANDOM_LIMIT = 2 ** 50

/** The next values of all controlled widgets of some nodes. Values that a link replaces are left alone. */
export function controlChanges(
  graph: GraphReader,
  nodes: Iterable<NodeId>,
  random: () => number = Math.random,
): ControlChange[] {
  const changes: ControlChange[] = []
  for (const id of nodes) {
    for (const widget of graph.definitionOf(id)?.widgets ?? []) {
      if (widget.spec.kind !== 'control' || graph.linkInto(id, widget.input)) continue
      const change = nextOf(graph, id, widget, widget.spec.default, random)
      if (change) changes.push(change)
    }
  }
  return changes
}

function nextOf(
  graph: GraphReader,
  id: NodeId,
  control: WidgetDef,
  usual: ControlMode,
  random: () => number,
): ControlChange | null {
  const target = graph.definitionOf(id)?.widgets.find((entry) => entry.name === control.input)
  if (!target) return null
  const mode = (graph.getWidget(id, control.name) ?? usual) as ControlMode
  const value = graph.getWidget(id, target.name) ?? target.spec.default
  const filter = graph.getWidget(id, `${target.name}/filter`)
  const next = nextValue(target.spec, value, mode, random, typeof filter === 'string' ? filter : '')
  return next === undefined || Object.is(next, value) ? null : [id, target.name, next]
}

/** The value after one run; undefined when the mode or the kind of widget leaves it alone. */
export function nextValue(
  spec: WidgetSpec,
  value: Json,
  mode: ControlMode,
  random: () => number,
  filter = '',
): Json | undefined {
  if (mode === 'fixed') return undefined
  if (spec.kind === 'combo') return nextOption(filterOptions(spec.options, filter), value, mode, random)
  if (spec.kind === 'int') return nextInteger(spec, value, mode, random)
  return spec.kind === 'float' ? nextFloat(spec, value, mode, random) : undefined
}

type Range = { readonly min: Numeric; readonly max: Numeric; readonly step: Numeric }

function nextInteger(range: Range, value: Json, mode: ControlMode, random: () => number): Json {
  if (mode === 'randomize') return drawn(range, random)
  const [min, max, step] = [big(range.min), big(range.max), big(range.step)]
  const moved = big(value) + (mode === 'decrement' ? -step : step)
  return small(moved < min ? min : moved > max ? max : moved)
}

function nextFloat(range: Range, value: Json, mode: ControlMode, random: () => number): Json {
  if (mode === 'randomize') return drawn(range, random)
  const step = Number(range.step)
  const moved = Number(value) + (mode === 'decrement' ? -step : step)
  // Steps like 0.1 do not add up exactly: keep as many digits as the step has, and a few more.
  const exact = Number(moved.toPrecision(12))
  return Math.min(Number(range.max), Math.max(Number(range.min), exact))
}

function drawn({ min, max, step }: Range, random: () => number): number {
  const low = Math.max(Number(min), -RANDOM_LIMIT)
  const high = Math.min(Number(max), RANDOM_LIMIT)
  const by = Number(step)
  return Number((Math.floor((random() * (high - low)) / by) * by + low).toPrecision(16))
}

function nextOption(
  options: readonly ComboOption[],
  value: Json,
  mode: ControlMode,
  random: () => number,
): Json | undefined {
  if (options.length === 0) return undefined
  const at = options.findIndex((option) => option === value)
  const last = options.length - 1
  switch (mode) {
    case 'increment':
      return options[Math.min(last, at + 1)]
    case 'increment-wrap':
      return options[(at + 1) % options.length]
    case 'decrement':
      return options[Math.max(0, at - 1)]
    case 'randomize':
      return options[Math.floor(random() * options.length)]
    case 'fixed':
      return undefined
  }
}

/** Options that a filter lets through: `/pattern/` is a regular expression, other text is searched for. */
function filterOptions(options: readonly ComboOption[], filter: string): readonly ComboOption[] {
  if (filter === '') return options
  const pattern = /^\/(.*)\/([a-z]*)$/.exec(filter)
  try {
    const found = new RegExp(
      pattern ? (pattern[1] ?? '') : filter.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'),
      pattern?.[2] ?? 'i',
    )
    const kept = options.filter((option) => found.test(String(option)))
    return kept.length > 0 ? kept : options
  } catch {
    return options
  }
}

function big(value: Json): bigint {
  if (typeof value === 'bigint') return value
  const number = Number(value)
  return Number.isFinite(number) ? BigInt(Math.trunc(number)) : 0n
}

const small = (value: bigint): Json => {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

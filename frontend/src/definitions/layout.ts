/** Sizes and handle places of a node, computed from its definition alone so that the canvas needs no measuring. */
import type { NodeView, Size } from '../graph/model'
import { inputHandle, outputHandle } from './handles'
import { standingsOf } from './standing'
import type { HandleLayout, InputDef, NodeDefinition, NodeLayout, WidgetDef, WidgetRow } from './types'

/** Height of the title bar; in files, positions name the corner below it. */
export const TITLE_HEIGHT = 30
/** Height of a row with sockets only. */
export const SLOT_HEIGHT = 22
/** Height of a one-line widget's row. */
export const WIDGET_HEIGHT = 28
/** Least height of a text area. */
export const TEXT_AREA_HEIGHT = 92
/** Height reserved for pictures. */
export const MEDIA_HEIGHT = 220
/** Distance between a node's edge and its content. */
export const NODE_PADDING = 8

const WIDTH_WITH_WIDGETS = 270
const WIDEST = 420
const WIDTH_WITH_TEXT = 400
const WIDTH_PLAIN = 200
const REROUTE_SIZE: Size = [76, 26]
const CHARACTER = 7.2
const TITLE_CHARACTER = 7.8
/** A small sign in the title, with its distance. */
const SIGN_WIDTH = 18
/** Short labels may be of wide letters only. */
const LABEL_SLACK = 6
/** Height of a text area's own label. */
const CAPTION_HEIGHT = 18
/** What a row has beside its label and its control: both edges of the node, and the gap between the two. */
const ROW_MARGINS = 30
/** Width that a control gets on a new node, and the least that a long label leaves it. */
const CONTROL_WIDTH = 130
const CONTROL_LEAST = 100
/** The same where a drawn seed has to be read: sixteen digits. */
const SEED_WIDTH = 140
/** A label may always have this share of its row. */
const LABEL_SHARE = 0.38

/** How a node is shown, as far as its layout depends on it. */
export type Shown = Pick<NodeView, 'size' | 'collapsed'>

const layouts = new WeakMap<NodeDefinition, Map<string, NodeLayout>>()
const CACHED_PER_CLASS = 400

/**
 * Layout of a node. The saved size counts as far as everything fits in; spare height goes to text areas, else to the
 * picture area. Equal arguments give the same object.
 */
export function layoutNode(definition: NodeDefinition, { size, collapsed }: Shown): NodeLayout {
  let ofClass = layouts.get(definition)
  if (!ofClass) layouts.set(definition, (ofClass = new Map<string, NodeLayout>()))
  const key = collapsed ? 'collapsed' : size ? `${Math.round(size[0])} ${Math.round(size[1])}` : ''
  const known = ofClass.get(key)
  if (known) return known
  if (ofClass.size >= CACHED_PER_CLASS) ofClass.clear()
  const made = collapsed ? layoutCollapsed(definition) : layoutOpen(definition, size)
  ofClass.set(key, made)
  return made
}

/** Size of a new node, title bar left out; what importers and the automatic layout take for nodes without a size. */
export function defaultSize(definition: NodeDefinition): Size {
  const { width, height } = layoutNode(definition, { size: null, collapsed: false })
  return [width, height - TITLE_HEIGHT]
}

function layoutOpen(definition: NodeDefinition, size: Size | null): NodeLayout {
  if (definition.classType === 'Reroute') return layoutReroute(definition)
  const sockets = definition.inputs.filter((input) => input.kind === 'socket')
  const minWidth = minimalWidth(definition, sockets)
  const width = Math.max(minWidth, size ? Math.round(size[0]) : preferredWidth(definition))
  const slotRows = Math.max(sockets.length, definition.outputs.length)
  const top = TITLE_HEIGHT + NODE_PADDING
  const widgetsTop = top + slotRows * SLOT_HEIGHT + (slotRows > 0 && visible(definition).length > 0 ? 4 : 0)
  const media = definition.showsMedia ? MEDIA_HEIGHT : 0
  const captioned = textAreas(definition).length > 1
  const rowsHeight = visible(definition).reduce((sum, widget) => sum + rowHeight(widget, captioned), 0)
  const minHeight = widgetsTop + rowsHeight + media + NODE_PADDING
  const height = Math.max(minHeight, size ? Math.round(size[1]) + TITLE_HEIGHT : 0)
  const spare = height - minHeight
  const rows = placeRows(definition, widgetsTop, spare)
  const last = rows.at(-1)
  const mediaTop = last ? last.y + last.height : widgetsTop
  return {
    width,
    height,
    minWidth,
    minHeight,
    rows,
    labelWidth: labelWidth(definition, width),
    handles: [
      ...sockets.map((input, at) => inputAt(input, 0, top + (at + 0.5) * SLOT_HEIGHT, false)),
      ...rows.flatMap((row) => widgetHandle(definition, row)),
      ...definition.outputs.map((output, at) => outputAt(output, width, top + (at + 0.5) * SLOT_HEIGHT)),
    ],
    media: { y: mediaTop, height: definition.showsMedia ? Math.max(0, height - NODE_PADDING - mediaTop) : 0 },
  }
}

function layoutCollapsed(definition: NodeDefinition): NodeLayout {
  const width = Math.min(preferredWidth(definition), Math.max(90, 48 + definition.displayName.length * CHARACTER))
  const middle = TITLE_HEIGHT / 2
  return {
    width,
    height: TITLE_HEIGHT,
    minWidth: width,
    minHeight: TITLE_HEIGHT,
    rows: [],
    labelWidth: 0,
    handles: [
      ...definition.inputs.filter(hasHandle).map((input) => inputAt(input, 0, middle, input.kind === 'widget')),
      ...definition.outputs.map((output) => outputAt(output, width, middle)),
    ],
    media: { y: TITLE_HEIGHT, height: 0 },
  }
}

function layoutReroute(definition: NodeDefinition): NodeLayout {
  const [width, body] = REROUTE_SIZE
  const height = TITLE_HEIGHT + body
  const middle = TITLE_HEIGHT + body / 2
  return {
    width,
    height,
    minWidth: width,
    minHeight: height,
    rows: [],
    labelWidth: 0,
    handles: [
      ...definition.inputs.map((input) => inputAt(input, 0, middle, false)),
      ...definition.outputs.map((output) => outputAt(output, width, middle)),
    ],
    media: { y: height, height: 0 },
  }
}

/** Widgets that get a row: the filter of a combo is part of the combo's own list. */
function visible(definition: NodeDefinition): readonly WidgetDef[] {
  return definition.widgets.filter((widget) => widget.spec.kind !== 'filter')
}

function placeRows(definition: NodeDefinition, top: number, spare: number): WidgetRow[] {
  const growing = textAreas(definition).length
  const share = growing > 0 ? Math.floor(spare / growing) : 0
  let y = top
  return visible(definition).map((widget) => {
    const captioned = growing > 1 && isTextArea(widget)
    const height = rowHeight(widget, captioned) + (isTextArea(widget) ? share : 0)
    const row = { widget, y, height, captioned }
    y += height
    return row
  })
}

const isTextArea = (widget: WidgetDef): boolean => widget.spec.kind === 'text' && widget.spec.multiline

const textAreas = (definition: NodeDefinition): WidgetDef[] => definition.widgets.filter(isTextArea)

/** A single text area needs no label: its node is named after it. */
function rowHeight(widget: WidgetDef, captioned: boolean): number {
  if (!isTextArea(widget)) return WIDGET_HEIGHT
  return TEXT_AREA_HEIGHT + (captioned ? CAPTION_HEIGHT : 0)
}

/** The longest label, as far as the controls keep enough room. */
function labelWidth(definition: NodeDefinition, width: number): number {
  const room = width - ROW_MARGINS
  return Math.round(
    Math.min(
      longestLabel(definition),
      Math.max(room * LABEL_SHARE, room - (hasSeed(definition) ? SEED_WIDTH : CONTROL_LEAST)),
    ),
  )
}

const hasSeed = (definition: NodeDefinition): boolean =>
  definition.widgets.some(({ spec }) => spec.kind === 'int' && spec.control !== null)

function longestLabel(definition: NodeDefinition): number {
  return longest(visible(definition).flatMap((widget) => (isTextArea(widget) ? [] : [widget.label])))
}

const longest = (labels: readonly string[]): number =>
  Math.ceil(Math.max(0, ...labels.map((label) => label.length * CHARACTER + LABEL_SLACK)))

const hasHandle = (input: InputDef): boolean => input.kind === 'socket' || input.widget?.linkable === true

function widgetHandle(definition: NodeDefinition, row: WidgetRow): HandleLayout[] {
  if (!row.widget.linkable) return []
  const input = definition.inputs.find((entry) => entry.name === row.widget.name)
  return input ? [inputAt(input, 0, row.y + Math.min(row.height, WIDGET_HEIGHT) / 2, true)] : []
}

function inputAt(input: InputDef, x: number, y: number, onWidget: boolean): HandleLayout {
  return {
    id: inputHandle(input.name),
    side: 'input',
    name: input.name,
    label: input.label,
    index: -1,
    type: input.type,
    tooltip: input.tooltip,
    optional: input.optional,
    onWidget,
    x,
    y,
  }
}

function outputAt(output: NodeDefinition['outputs'][number], x: number, y: number): HandleLayout {
  return {
    id: outputHandle(output.index),
    side: 'output',
    name: output.name,
    label: output.name,
    index: output.index,
    type: output.type,
    tooltip: output.tooltip,
    optional: true,
    onWidget: false,
    x,
    y,
  }
}

function preferredWidth(definition: NodeDefinition): number {
  const plain =
    textAreas(definition).length > 0 ? WIDTH_WITH_TEXT : hasRows(definition) ? WIDTH_WITH_WIDGETS : WIDTH_PLAIN
  const rows =
    definition.widgets.length > 0
      ? longestLabel(definition) + ROW_MARGINS + (hasSeed(definition) ? SEED_WIDTH : CONTROL_WIDTH)
      : 0
  const signs = standingsOf(definition).length * SIGN_WIDTH
  const title = definition.displayName.length * TITLE_CHARACTER + signs + 3 * NODE_PADDING
  const sockets = definition.inputs.filter((input) => input.kind === 'socket')
  return Math.max(plain, minimalWidth(definition, sockets), Math.min(WIDEST, Math.ceil(Math.max(rows, title))))
}

const hasRows = (definition: NodeDefinition): boolean => definition.widgets.length > 0 || definition.showsMedia

function minimalWidth(definition: NodeDefinition, sockets: readonly InputDef[]): number {
  const slots =
    longest(sockets.map((input) => input.label)) + longest(definition.outputs.map((output) => output.name)) + 48
  return Math.min(360, Math.max(definition.widgets.length > 0 ? 200 : 120, slots))
}

/** Decides whether an input is a widget and what kind; also which extra entries follow it in a saved file. */
import type { Json, JsonObject } from '../graph/model'
import { controlSpec, valueWidget } from './editor-nodes'
import { CAPTURES } from './captures'
import type { ComboOption, ControlMode, Numeric, WidgetDef, WidgetSpec } from './types'

/** Inputs of these names get control after generate without being asked. */
const SEED_NAMES: ReadonlySet<string> = new Set(['seed', 'noise_seed'])
const OTHER_WIDGETS: ReadonlySet<string> = new Set(['MARKDOWN', 'BOUNDING_BOX', 'CURVE', ...CAPTURES])
const WHITE = '#ffffff'
const CONTROL_MODES: readonly string[] = ['fixed', 'increment', 'decrement', 'randomize', 'increment-wrap']

/** Range of integers without a declared one: what a JavaScript number holds exactly. */
const INT_MAX = Number.MAX_SAFE_INTEGER

/** An input's declaration, half read. */
export interface DeclaredInput {
  readonly name: string
  readonly label: string
  readonly tooltip: string | null
  readonly type: string
  /** Options given in place of the type. */
  readonly choices: readonly Json[] | null
  readonly options: JsonObject
}

/** The widget of an input; null when its type has none and it is a plain socket. */
export function readWidget(input: DeclaredInput): WidgetDef | null {
  const spec = readSpec(input)
  if (!spec) return null
  return {
    ...valueWidget(input.name, spec),
    label: input.label,
    tooltip: input.tooltip,
    linkable: input.options['socketless'] !== true,
    advanced: input.options['advanced'] === true,
  }
}

/** The entries that follow a widget's value in a saved file: mode menu, filter, upload button. */
export function companionsOf(widget: WidgetDef): WidgetDef[] {
  const { spec } = widget
  const companion = (name: string, label: string, companionSpec: WidgetSpec): WidgetDef => ({
    ...valueWidget(`${widget.name}/${name}`, companionSpec),
    input: widget.name,
    label,
    sent: false,
  })
  const companions: WidgetDef[] = []
  if ((spec.kind === 'int' || spec.kind === 'float' || spec.kind === 'combo') && spec.control) {
    companions.push(companion('control', 'control after generate', controlSpec(spec.control, spec.kind === 'combo')))
    if (spec.kind === 'combo') companions.push(companion('filter', 'filter', { kind: 'filter', default: '' }))
  }
  if (spec.kind === 'combo' && spec.upload) {
    companions.push(companion('upload', 'upload', { kind: 'upload', default: spec.upload, media: spec.upload }))
  }
  return companions
}

function readSpec({ name, type, choices, options }: DeclaredInput): WidgetSpec | null {
  switch (type) {
    case 'INT':
      return intSpec(options, control(options, SEED_NAMES.has(name)))
    case 'FLOAT':
      return floatSpec(options, control(options, false))
    case 'STRING':
      return {
        kind: 'text',
        default: string(options['default']) ?? '',
        multiline: options['multiline'] === true,
        placeholder: string(options['placeholder']),
        dynamicPrompts: options['dynamicPrompts'] === true,
      }
    case 'BOOLEAN':
      return {
        kind: 'boolean',
        default: options['default'] === true,
        labelOn: string(options['label_on']),
        labelOff: string(options['label_off']),
      }
    case 'COMBO':
      return comboSpec(choices ?? (Array.isArray(options['options']) ? options['options'] : []), options)
    case 'COLOR':
      return { kind: 'colour', default: string(options['default']) ?? WHITE }
    default:
      return OTHER_WIDGETS.has(type) ? { kind: 'other', type, default: options['default'] ?? null } : null
  }
}

function intSpec(options: JsonObject, mode: ControlMode | null): WidgetSpec {
  return {
    kind: 'int',
    default: integer(options['default']) ?? 0,
    min: integer(options['min']) ?? (mode ? 0 : -INT_MAX),
    max: integer(options['max']) ?? INT_MAX,
    step: integer(options['step']) || 1,
    control: mode,
    colour: options['display'] === 'color',
  }
}

function floatSpec(options: JsonObject, mode: ControlMode | null): WidgetSpec {
  const step = number(options['step']) || 0.01
  return {
    kind: 'float',
    default: number(options['default']) ?? 0,
    min: number(options['min']) ?? -Infinity,
    max: number(options['max']) ?? Infinity,
    step,
    round: options['round'] === false ? null : (number(options['round']) ?? null),
    control: mode,
  }
}

function comboSpec(choices: readonly Json[], options: JsonObject): WidgetSpec {
  const usable = [...new Set(choices.filter(isOption))]
  const given = options['default']
  return {
    kind: 'combo',
    default: isOption(given) ? given : (usable[0] ?? null),
    options: usable,
    upload: upload(options),
    control: control(options, false),
  }
}

function upload(options: JsonObject): 'image' | 'video' | 'audio' | null {
  if (options['image_upload'] === true) return 'image'
  if (options['video_upload'] === true) return 'video'
  return options['audio_upload'] === true ? 'audio' : null
}

/** The mode that a new node starts with: `randomize`, unless the declaration names another one. */
function control(options: JsonObject, seed: boolean): ControlMode | null {
  const given = options['control_after_generate']
  if (typeof given === 'string' && CONTROL_MODES.includes(given)) return given as ControlMode
  return given === true || (seed && given !== false) ? 'randomize' : null
}

function isOption(value: Json | undefined): value is ComboOption {
  return (
    typeof value === 'string' || typeof value === 'boolean' || typeof value === 'bigint' || typeof value === 'number'
  )
}

const string = (value: Json | undefined): string | null => (typeof value === 'string' ? value : null)

function number(value: Json | undefined): number | null {
  if (typeof value === 'bigint') return Number(value)
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

function integer(value: Json | undefined): Numeric | null {
  if (typeof value === 'bigint') return value
  const found = number(value)
  return found === null ? null : Math.trunc(found)
}

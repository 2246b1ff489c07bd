/** What a node class looks like: the typed form of one `/object_info` entry, and the sizes computed from it. */
import type { Json, JsonObject } from '../graph/model'

/** What happens to a value after a run was queued. `increment-wrap` exists for combos only. */
export type ControlMode = 'fixed' | 'increment' | 'decrement' | 'randomize' | 'increment-wrap'

/** Numbers of a definition: beyond 2^53 as `bigint`. */
export type Numeric = number | bigint

/** A value of a combo box. */
export type ComboOption = string | number | bigint | boolean

/** How a widget is drawn and checked; switch over `kind`. */
export type WidgetSpec =
  | {
      readonly kind: 'int'
      readonly default: Numeric
      readonly min: Numeric
      readonly max: Numeric
      readonly step: Numeric
      /** `null`: the value has no control after generate. Otherwise the mode a new node starts with. */
      readonly control: ControlMode | null
      /** The number is a colour, 0xRRGGBB. */
      readonly colour: boolean
    }
  | {
      readonly kind: 'float'
      readonly default: number
      readonly min: number
      readonly max: number
      readonly step: number
      /** Values are rounded to multiples of it; `null`: not rounded. */
      readonly round: number | null
      readonly control: ControlMode | null
    }
  | {
      readonly kind: 'text'
      readonly default: string
      readonly multiline: boolean
      readonly placeholder: string | null
      /** `{a|b}` is resolved at random when the graph is compiled. */
      readonly dynamicPrompts: boolean
    }
  | {
      readonly kind: 'boolean'
      readonly default: boolean
      readonly labelOn: string | null
      readonly labelOff: string | null
    }
  | {
      readonly kind: 'combo'
      readonly default: ComboOption | null
      readonly options: readonly ComboOption[]
      /** Kind of file that can be added to the options by uploading; `null`: none. */
      readonly upload: 'image' | 'video' | 'audio' | null
      readonly control: ControlMode | null
    }
  /** A colour as text, `#rrggbb`. */
  | { readonly kind: 'colour'; readonly default: string }
  /** A widget type that this editor has no control for; its value is kept and sent. */
  | { readonly kind: 'other'; readonly type: string; readonly default: Json }
  /** The mode menu that follows a value with control after generate. */
  | { readonly kind: 'control'; readonly default: ControlMode; readonly modes: readonly ControlMode[] }
  /** The text filter that follows the mode menu of a combo. */
  | { readonly kind: 'filter'; readonly default: string }
  /** The upload button's entry. */
  | { readonly kind: 'upload'; readonly default: string; readonly media: 'image' | 'video' | 'audio' }

/** The spec with the given `kind`. */
export type WidgetSpecOf<K extends WidgetSpec['kind']> = Extract<WidgetSpec, { kind: K }>

/** One entry of a node's `widgets_values`, in file order. */
export interface WidgetDef {
  /**
   * Key of the value in the document. The input's own name for real inputs; `seed/control`, `seed/filter` and
   * `image/upload` for the companions of the input before the slash.
   */
  readonly name: string
  /** Name of the input the widget belongs to. */
  readonly input: string
  readonly label: string
  readonly tooltip: string | null
  readonly spec: WidgetSpec
  /** False for companions: they are saved in the file, and never sent to the server. */
  readonly sent: boolean
  /** True when a link may replace the value: the row then has a handle. */
  readonly linkable: boolean
  /** Advanced inputs may be folded away. */
  readonly advanced: boolean
}

/** An input as the server declares it. */
export interface InputDef {
  readonly name: string
  /** Slot type: `IMAGE`, `INT`, `COMBO`, `*`, or several separated by commas. */
  readonly type: string
  readonly kind: 'widget' | 'socket'
  readonly optional: boolean
  readonly label: string
  readonly tooltip: string | null
  /** Set when `kind` is `widget`. */
  readonly widget: WidgetDef | null
  /** The declaration's options as they came. */
  readonly options: JsonObject
}

/** An output as the server declares it. */
export interface OutputDef {
  readonly index: number
  readonly name: string
  readonly type: string
  readonly isList: boolean
  readonly tooltip: string | null
}

/** Where a definition comes from. `placeholder`: made from a saved node whose class the server does not know. */
export type DefinitionOrigin = 'server' | 'editor' | 'placeholder'

/** A node class. */
export interface NodeDefinition {
  readonly classType: string
  readonly displayName: string
  readonly category: string
  readonly description: string
  readonly origin: DefinitionOrigin
  /** Module of the server that declares it, for example `nodes` or `custom_nodes.Pack`. */
  readonly module: string
  readonly inputs: readonly InputDef[]
  readonly outputs: readonly OutputDef[]
  /** In the order of a saved node's `widgets_values`. */
  readonly widgets: readonly WidgetDef[]
  /** Execution starts from output nodes. */
  readonly outputNode: boolean
  readonly deprecated: boolean
  readonly experimental: boolean
  /** The model family that the class belongs to, as long as the server cannot run it; empty: it runs. */
  readonly unsupportedFamily: string
  readonly aliases: readonly string[]
  /** The node shows pictures: results, or the file chosen in an upload combo. */
  readonly showsMedia: boolean
}

/** Looks a class up. The document, the importers and the compiler ask through it. */
export interface DefinitionSource {
  get(classType: string): NodeDefinition | undefined
}

/** A handle on a node's edge. */
export interface HandleLayout {
  /** `in:NAME` or `out:INDEX`; unique on the node. */
  readonly id: string
  readonly side: 'input' | 'output'
  /** Input or output name. */
  readonly name: string
  readonly label: string
  /** Output index; -1 for inputs. */
  readonly index: number
  readonly type: string
  /** The input may stay without a link. */
  readonly optional: boolean
  readonly tooltip: string | null
  /** The handle sits on the row of the widget with its name. */
  readonly onWidget: boolean
  /** Centre, from the top-left corner of the whole node (title bar included). */
  readonly x: number
  readonly y: number
}

/** A widget's row. */
export interface WidgetRow {
  readonly widget: WidgetDef
  /** Top edge, from the top of the whole node. */
  readonly y: number
  readonly height: number
  /** The label stands above the control: one of several text areas. */
  readonly captioned: boolean
}

/** Sizes and places of everything on a node, computed without the DOM. Pixels at zoom 1, title bar included. */
export interface NodeLayout {
  readonly width: number
  readonly height: number
  readonly minWidth: number
  readonly minHeight: number
  readonly handles: readonly HandleLayout[]
  readonly rows: readonly WidgetRow[]
  /** Width of the column in which the widgets' labels stand. */
  readonly labelWidth: number
  /** The area for pictures at the bottom; height 0 when the class shows none. */
  readonly media: { readonly y: number; readonly height: number }
}

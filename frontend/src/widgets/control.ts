/** What every widget control is given; used by the controls of this folder and by the node that shows them. */
import type { WidgetSpec, WidgetSpecOf } from '@/definitions/types'
import { stringifyLossless } from '@/formats/lossless-json'
import type { Json } from '@/graph/model'

/** Props of the control for widgets of kind `K`. */
export interface ControlProps<K extends WidgetSpec['kind'] = WidgetSpec['kind']> {
  readonly spec: WidgetSpecOf<K>
  readonly value: Json
  readonly label: string
  readonly testId: string
  /** A link gives the value: the control shows it and takes no input. */
  readonly linked: boolean
  /** Sentence about what is wrong with the value. */
  readonly error: string | null
  readonly onChange: (value: Json) => void
  /** The label can be read above the control. */
  readonly captioned?: boolean
}

/** A value as text: texts as they are, nothing for null, everything else as JSON. */
export function written(value: Json): string {
  return typeof value === 'string' ? value : value === null ? '' : stringifyLossless(value)
}

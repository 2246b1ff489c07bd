/** Colour of a node: a swatch that opens the browser's picker, beside the value as text or number. */
import type { ReactNode } from 'react'
import type { Json } from '@/graph/model'
import { t } from '@/i18n'
import { hexOf, numberOf } from '@/widgets/colours'
import type { ControlProps } from '@/widgets/control'
import { NumberControl } from '@/widgets/number'
import { TextControl } from '@/widgets/text'

const LINE = { kind: 'text', default: '', multiline: false, placeholder: null, dynamicPrompts: false } as const

export function ColourControl({ spec: _spec, ...props }: ControlProps<'colour'>) {
  return (
    <ColourField {...props} hex={hexOf(props.value)} onPick={props.onChange}>
      <TextControl spec={LINE} {...props} />
    </ColourField>
  )
}

/** The same for classes that declare their colour as a number. */
export function ColourNumberControl(props: ControlProps<'int'>) {
  return (
    <ColourField {...props} hex={hexOf(props.value)} onPick={(hex) => props.onChange(numberOf(hex))}>
      <NumberControl {...props} />
    </ColourField>
  )
}

interface FieldProps {
  readonly hex: string
  readonly label: string
  readonly testId: string
  readonly linked: boolean
  readonly onPick: (hex: string) => void
  readonly value: Json
  readonly children: ReactNode
}

function ColourField({ hex, label, testId, linked, onPick, children }: FieldProps) {
  return (
    <span className="colour-field">
      <input
        type="color"
        className="swatch nodrag nopan"
        aria-label={t('colour.pick', { name: label })}
        data-testid={`${testId}-swatch`}
        disabled={linked}
        value={hex}
        onChange={(event) => onPick(event.target.value)}
      />
      {children}
    </span>
  )
}

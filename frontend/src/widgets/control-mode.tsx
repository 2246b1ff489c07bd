/** What happens to a seed after a run: a small menu in its own row. */
import { Dices, Lock, Minus, Plus, Repeat } from 'lucide-react'
import { useRef } from 'react'
import type { ControlMode } from '@/definitions/types'
import { t, type Words } from '@/i18n'
import { openChoices, useChoices } from '@/ui/choices'
import type { ControlProps } from '@/widgets/control'

const ICONS = { fixed: Lock, increment: Plus, decrement: Minus, randomize: Dices, 'increment-wrap': Repeat } as const

const words = (mode: ControlMode): string => t(`control.${mode}` satisfies Words)
const hint = (mode: ControlMode): string => t(`control.${mode}.hint` satisfies Words)

export function ControlModeControl({ spec, value, label, testId, linked, onChange }: ControlProps<'control'>) {
  const button = useRef<HTMLButtonElement>(null)
  const open = useChoices((state) => state.request?.owner === testId)
  const mode = spec.modes.find((known) => known === value) ?? spec.default
  const Icon = ICONS[mode]
  const show = () => {
    if (!button.current) return
    openChoices({
      owner: testId,
      anchor: button.current,
      label,
      options: spec.modes.map((known) => ({ value: known, label: words(known), hint: hint(known) })),
      value: mode,
      onPick: onChange,
    })
  }
  return (
    <button
      ref={button}
      type="button"
      role="combobox"
      className="control combo nodrag nopan"
      data-testid={testId}
      aria-label={label}
      aria-haspopup="listbox"
      aria-expanded={open}
      aria-controls="choices"
      disabled={linked}
      title={hint(mode)}
      onClick={show}
    >
      <Icon size={12} aria-hidden="true" />
      <span className="combo-value">{words(mode)}</span>
    </button>
  )
}

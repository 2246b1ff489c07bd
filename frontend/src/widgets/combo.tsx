/** Choice of a node: shows the value, opens one searchable list for the whole page. */
import { useEffect, useRef, type KeyboardEvent } from 'react'
import type { ComboOption } from '@/definitions/types'
import { t } from '@/i18n'
import { openChoices, renewChoices, useChoices, type Choice } from '@/ui/choices'
import { written, type ControlProps } from '@/widgets/control'

export function ComboControl({ spec, value, label, testId, linked, error, onChange }: ControlProps<'combo'>) {
  const button = useRef<HTMLButtonElement>(null)
  const open = useChoices((state) => state.request?.owner === testId)
  const empty = value === null && spec.options.length === 0
  const unknown = value !== null && !spec.options.includes(value as ComboOption)

  useEffect(() => {
    if (open) renewChoices(testId, choicesOf(spec.options))
  }, [open, testId, spec.options])

  const show = () => {
    if (!button.current || linked) return
    openChoices({
      owner: testId,
      anchor: button.current,
      label,
      options: choicesOf(spec.options),
      value: value as ComboOption | null,
      fromServer: true,
      onPick: onChange,
    })
  }

  const step = (event: KeyboardEvent) => {
    if (event.key !== 'ArrowUp' && event.key !== 'ArrowDown') return
    event.preventDefault()
    if (event.altKey) return show()
    const at = spec.options.indexOf(value as ComboOption)
    const next = spec.options[at + (event.key === 'ArrowDown' ? 1 : -1)]
    if (next !== undefined && !linked) onChange(next)
  }

  return (
    <button
      ref={button}
      type="button"
      role="combobox"
      className="control combo chevron nodrag nopan"
      data-testid={testId}
      data-empty={empty ? '' : undefined}
      data-unknown={unknown ? '' : undefined}
      aria-label={label}
      aria-haspopup="listbox"
      aria-expanded={open}
      aria-controls="choices"
      aria-invalid={error !== null || unknown}
      disabled={linked}
      title={written(value)}
      onClick={show}
      onKeyDown={step}
    >
      <span className="combo-value">{empty ? t('combo.empty') : written(value)}</span>
    </button>
  )
}

const choicesOf = (options: readonly ComboOption[]): readonly Choice[] =>
  options.map((option) => ({ value: option, label: String(option) }))

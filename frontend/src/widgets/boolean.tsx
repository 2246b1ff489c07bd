/** On/off switch of a node. */
import type { ControlProps } from '@/widgets/control'

export function BooleanControl({ spec, value, label, testId, linked, onChange }: ControlProps<'boolean'>) {
  const on = value === true
  return (
    <button
      type="button"
      role="switch"
      className="control switch nodrag nopan"
      data-testid={testId}
      aria-label={label}
      aria-checked={on}
      disabled={linked}
      onClick={() => onChange(!on)}
    >
      <span>{on ? (spec.labelOn ?? 'on') : (spec.labelOff ?? 'off')}</span>
      <span className="switch-track" data-on={on ? '' : undefined} aria-hidden="true" />
    </button>
  )
}

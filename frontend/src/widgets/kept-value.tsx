/** What stands in place of a control that does not exist yet: the value, which is kept and sent, or a sentence. */
import { CAPTURES } from '@/definitions/captures'
import { t } from '@/i18n'
import { written, type ControlProps } from '@/widgets/control'

export function KeptValue({ spec, value, label, testId }: ControlProps<'other'>) {
  const sentence = CAPTURES.has(spec.type)
    ? t('widget.capture', { name: label })
    : t('widget.kept', { type: spec.type })
  return (
    <output className="linked-note" aria-label={label} title={sentence} data-testid={testId}>
      {value === null ? sentence : written(value)}
    </output>
  )
}

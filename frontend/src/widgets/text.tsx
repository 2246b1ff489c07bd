/** One-line and many-line text fields of a node. Typing never moves or zooms the graph. */
import type { KeyboardEvent } from 'react'
import { written, type ControlProps } from '@/widgets/control'

export function TextControl({ spec, value, label, testId, linked, error, onChange, captioned }: ControlProps<'text'>) {
  const text = written(value)
  const common = {
    'data-testid': testId,
    'aria-label': label,
    'aria-invalid': error !== null,
    readOnly: linked,
    placeholder: spec.placeholder ?? (spec.multiline && !captioned ? label : undefined),
    spellCheck: false,
    value: text,
  }
  if (!spec.multiline) {
    return (
      <input
        type="text"
        className="control text nodrag nopan"
        autoComplete="off"
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={leaveOn('Enter')}
        {...common}
      />
    )
  }
  return (
    <textarea
      className="control multiline nodrag nowheel nopan"
      onChange={(event) => onChange(event.target.value)}
      onKeyDown={leaveOn()}
      {...common}
    />
  )
}

/** Escape (and `also`) takes the focus back to the graph. */
function leaveOn(also?: string) {
  return (event: KeyboardEvent<HTMLElement>) => {
    const enter = event.key === also && !event.ctrlKey && !event.metaKey
    if (event.key !== 'Escape' && !enter) return
    event.stopPropagation()
    event.currentTarget.blur()
  }
}

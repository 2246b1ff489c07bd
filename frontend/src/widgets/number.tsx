/** Number field of a node: drag to scrub, click to type (sums allowed), arrow keys to step. */
import { useRef, useState, type KeyboardEvent, type PointerEvent } from 'react'
import type { Numeric } from '@/definitions/types'
import type { ControlProps } from '@/widgets/control'
import { stepped, typed, written } from '@/widgets/numbers'

const PIXELS_PER_STEP = 4
const DRAG_THRESHOLD = 3
/** Ranges beyond this (seeds) are not scrubbed: a drag would only destroy the value. */
const LARGEST_SCRUBBED_RANGE = 2 ** 33

interface Scrub {
  readonly x: number
  readonly from: Numeric
  moved: boolean
}

export function NumberControl({ spec, value, label, testId, linked, error, onChange }: ControlProps<'int' | 'float'>) {
  const [draft, setDraft] = useState<string | null>(null)
  const scrub = useRef<Scrub | null>(null)
  const field = useRef<HTMLInputElement>(null)
  const current: Numeric = typeof value === 'number' || typeof value === 'bigint' ? value : spec.default
  const scrubbable = Number(spec.max) - Number(spec.min) <= LARGEST_SCRUBBED_RANGE || spec.kind === 'float'

  const commit = () => {
    if (draft === null) return
    const next = typed(spec, draft)
    setDraft(null)
    if (next !== null && next !== value) onChange(next)
  }

  const keyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.key === 'Enter') {
      if (event.ctrlKey || event.metaKey) return commit()
      commit()
      field.current?.blur()
    } else if (event.key === 'Escape') {
      setDraft(null)
      event.stopPropagation()
      // The draft has to be gone before blur commits it.
      setTimeout(() => field.current?.blur())
    } else if (event.key === 'ArrowUp' || event.key === 'ArrowDown') {
      event.preventDefault()
      const scale = event.shiftKey ? 0.1 : event.ctrlKey ? 10 : 1
      const base = (draft !== null ? typed(spec, draft) : null) ?? current
      setDraft(null)
      onChange(stepped(spec, base, event.key === 'ArrowUp' ? 1 : -1, scale))
    }
  }

  const down = (event: PointerEvent<HTMLInputElement>) => {
    if (event.button !== 0 || linked || document.activeElement === field.current) return
    event.preventDefault()
    event.currentTarget.setPointerCapture(event.pointerId)
    scrub.current = { x: event.clientX, from: current, moved: false }
  }

  const move = (event: PointerEvent<HTMLInputElement>) => {
    const drag = scrub.current
    if (!drag || !scrubbable) return
    const distance = event.clientX - drag.x
    if (!drag.moved && Math.abs(distance) < DRAG_THRESHOLD) return
    drag.moved = true
    const scale = event.shiftKey ? 0.1 : event.ctrlKey ? 10 : 1
    const next = stepped(spec, drag.from, Math.trunc(distance / PIXELS_PER_STEP), scale)
    if (next !== current) onChange(next)
  }

  const up = () => {
    const drag = scrub.current
    scrub.current = null
    if (!drag || drag.moved) return
    field.current?.focus()
    field.current?.select()
  }

  return (
    <input
      ref={field}
      className="control number nodrag nopan"
      data-scrub={scrubbable ? '' : undefined}
      data-testid={testId}
      role="spinbutton"
      aria-label={label}
      aria-valuenow={Number(current)}
      aria-valuetext={written(spec, current)}
      aria-valuemin={finite(spec.min)}
      aria-valuemax={finite(spec.max)}
      aria-invalid={error !== null}
      type="text"
      inputMode={spec.kind === 'int' ? 'numeric' : 'decimal'}
      autoComplete="off"
      spellCheck={false}
      readOnly={linked}
      value={draft ?? written(spec, value)}
      onChange={(event) => setDraft(event.target.value)}
      onBlur={commit}
      onKeyDown={keyDown}
      onPointerDown={down}
      onPointerMove={move}
      onPointerUp={up}
      onPointerCancel={() => (scrub.current = null)}
    />
  )
}

const finite = (limit: Numeric): number | undefined => (Number.isFinite(Number(limit)) ? Number(limit) : undefined)

/** Rounds, clamps and steps the values of number widgets, bigint-safe; used by the number widget. */
import type { Numeric, WidgetSpecOf } from '@/definitions/types'
import { evaluate } from '@/widgets/arithmetic'

export type NumberSpec = WidgetSpecOf<'int'> | WidgetSpecOf<'float'>

/** A `bigint` that fits a number becomes one. */
function settle(value: Numeric): Numeric {
  return typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value
}

/** The nearest value that the widget may hold. */
export function fit(spec: NumberSpec, value: Numeric): Numeric {
  if (spec.kind === 'float') {
    const number = Number(value)
    const rounded = spec.round ? tidy(Math.round(number / spec.round) * spec.round) : number
    return Math.min(spec.max, Math.max(spec.min, rounded))
  }
  const whole = typeof value === 'bigint' ? value : Math.round(value)
  return settle(whole < spec.min ? spec.min : whole > spec.max ? spec.max : whole)
}

/** `value` moved by `steps` steps of the widget. `scale` 0.1 is fine, 10 coarse; integers never step below 1. */
export function stepped(spec: NumberSpec, value: Numeric, steps: number, scale = 1): Numeric {
  if (spec.kind === 'float')
    return fit(
      { ...spec, round: spec.round && scale < 1 ? spec.round * scale : spec.round },
      tidy(Number(value) + steps * spec.step * scale),
    )
  const unit = scale < 1 ? 1n : BigInt(spec.step) * BigInt(scale)
  const start = typeof value === 'bigint' ? value : BigInt(Math.round(value))
  return fit(spec, start + BigInt(Math.round(steps)) * unit)
}

/** What somebody typed, fitted to the widget; `null` when it is no number. */
export function typed(spec: NumberSpec, text: string): Numeric | null {
  const value = evaluate(text)
  return value === null ? null : fit(spec, value)
}

/** How the value is written in the field. */
export function written(spec: NumberSpec, value: unknown): string {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'number') return value === null || value === undefined ? '' : JSON.stringify(value)
  if (spec.kind === 'int') return String(value)
  const places = decimals(spec.step)
  const short = value.toFixed(places)
  return Number(short) === value ? short : String(tidy(value))
}

function decimals(step: number): number {
  const text = String(step)
  if (text.includes('e-')) return Math.min(6, Number(text.split('e-')[1]))
  return Math.min(6, text.split('.')[1]?.length ?? 0)
}

/** Drops the noise that binary fractions leave behind the twelfth digit. */
function tidy(value: number): number {
  return Number(value.toPrecision(12))
}

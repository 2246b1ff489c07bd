/** Colours as `#rrggbb`, which browsers understand, and as 0xRRGGBB, which nodes may want; used by the colour control. */
import type { Json } from '@/graph/model'

const BLACK = '#000000'
const LARGEST = 0xffffff

/** A saved colour as `#rrggbb`; black when it is none. Short forms are written out, an alpha part is left out. */
export function hexOf(value: Json): string {
  if (typeof value === 'number' || typeof value === 'bigint') return fromNumber(Number(value))
  const digits = typeof value === 'string' ? /^#?([0-9a-f]{3,8})$/i.exec(value.trim())?.[1] : undefined
  if (digits === undefined) return BLACK
  if (digits.length === 6 || digits.length === 8) return `#${digits.slice(0, 6).toLowerCase()}`
  if (digits.length > 4) return BLACK
  return `#${[...digits.slice(0, 3)].map((digit) => digit + digit).join('')}`.toLowerCase()
}

/** The number 0xRRGGBB of `#rrggbb`. */
export const numberOf = (hex: string): number => parseInt(hex.slice(1), 16)

function fromNumber(value: number): string {
  const inside = Math.min(LARGEST, Math.max(0, Math.trunc(value) || 0))
  return `#${inside.toString(16).padStart(6, '0')}`
}

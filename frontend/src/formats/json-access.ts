/** Careful reading of JSON from files: whatever is not what it should be becomes a harmless value. */
import type { Json, JsonObject } from '../graph/model'

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const asArray = (value: unknown): Json[] => (Array.isArray(value) ? (value as Json[]) : [])

export const asObject = (value: unknown): JsonObject => (isObject(value) ? value : {})

/** A number, also when it was written as a string. */
export function asNumber(value: unknown): number | null {
  if (typeof value === 'bigint') return Number(value)
  if (typeof value === 'string' && value.trim() !== '') return asNumber(Number(value))
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

/** Numbers of `[a, b]`, or of `{"0": a, "1": b}` as typed arrays were once saved; null when one is missing. */
export function asNumbers(value: unknown, count: number): number[] | null {
  const entries = asObject(value)
  const found = Array.from({ length: count }, (_, at) =>
    asNumber(Array.isArray(value) ? value[at] : entries[String(at)]),
  )
  return found.every((entry) => entry !== null) ? found : null
}

/** A node id as a string; null when it is neither a string nor a number. */
export function asId(value: unknown): string | null {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  return typeof value === 'string' && value !== '' ? value : null
}

/** The object without some keys. */
export function without(value: JsonObject, keys: ReadonlySet<string>): JsonObject {
  const rest: JsonObject = {}
  for (const key of Object.keys(value)) if (!keys.has(key) && key !== '__proto__') rest[key] = value[key] as Json
  return rest
}

/** Slot types may be strings, numbers or lists; the list's members are alternatives. */
export function asSlotType(value: unknown): string {
  if (typeof value === 'string') return value === '' ? '*' : value
  if (Array.isArray(value)) return value.map(asSlotType).join(',') || '*'
  return '*'
}

/** JSON to and from what Yjs can hold: its integers end at 2^63, so values with a `bigint` inside travel as JSON text. */
import { parseLossless, stringifyLossless } from '../formats/lossless-json'
import type { Json } from '../graph/model'

const TEXT = '$json'
const decoded = new WeakMap<object, Json>()

/** The value as Yjs stores it; values without `bigint` are returned as they are. */
export function encode(value: Json): unknown {
  return holdsBigint(value) || isEncoded(value) ? { [TEXT]: stringifyLossless(value) } : value
}

/** The value behind {@link encode}. The same stored object always gives the same result object. */
export function decode(stored: unknown): Json {
  if (!isEncoded(stored)) return (stored ?? null) as Json
  let value = decoded.get(stored)
  if (value === undefined) decoded.set(stored, (value = parseLossless(stored[TEXT])))
  return value
}

function isEncoded(value: unknown): value is { [TEXT]: string } {
  return typeof value === 'object' && value !== null && typeof (value as { [TEXT]?: unknown })[TEXT] === 'string'
}

function holdsBigint(value: Json): boolean {
  if (typeof value === 'bigint') return true
  if (typeof value !== 'object' || value === null) return false
  return Object.values<Json>(value).some(holdsBigint)
}

/** JSON to and from what Yjs can hold: its integers end at 2^63, so a `bigint` travels as `{"$int": "digits"}`. */
import type { Json, JsonObject } from '../graph/model'

const INT = '$int'
const decoded = new WeakMap<object, Json>()

/** The value as Yjs stores it; values without `bigint` are returned as they are. */
export function encode(value: Json): unknown {
  if (typeof value === 'bigint') return { [INT]: value.toString() }
  if (typeof value !== 'object' || value === null || !holdsBigint(value)) return value
  if (Array.isArray(value)) return value.map(encode)
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, encode(entry)]))
}

/** The value behind {@link encode}. The same stored object always gives the same result object. */
export function decode(stored: unknown): Json {
  if (typeof stored !== 'object' || stored === null) return (stored ?? null) as Json
  const known = decoded.get(stored)
  if (known !== undefined) return known
  const value = decodeObject(stored)
  decoded.set(stored, value)
  return value
}

function decodeObject(stored: object): Json {
  if (Array.isArray(stored)) {
    const list = stored.map(decode)
    return list.every((entry, at) => entry === stored[at]) ? (stored as Json[]) : list
  }
  const entries = Object.entries(stored)
  const digits: unknown = entries.length === 1 && entries[0]?.[0] === INT ? entries[0][1] : null
  if (typeof digits === 'string' && /^-?\d+$/.test(digits)) return BigInt(digits)
  const object: JsonObject = {}
  for (const [key, entry] of entries) object[key] = decode(entry)
  return entries.every(([key, entry]) => object[key] === entry) ? (stored as JsonObject) : object
}

function holdsBigint(value: Json): boolean {
  if (typeof value === 'bigint') return true
  if (typeof value !== 'object' || value === null) return false
  return Object.values<Json>(value).some((entry) => holdsBigint(entry))
}

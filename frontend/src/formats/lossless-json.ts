/** JSON that keeps every digit of 64-bit integers and reads the bare `NaN` and `Infinity` that Python writes. */
import type { Json, JsonObject } from '../graph/model'

/** A text that is no JSON; `at` counts characters from 0. */
export class JsonSyntaxError extends Error {
  override readonly name = 'JsonSyntaxError'

  constructor(
    message: string,
    readonly at: number,
  ) {
    super(`${message} at character ${at}`)
  }
}

const SPECIAL = /NaN|Infinity|\d{16}/
const DEEPEST = 500

/**
 * Reads JSON. Integers beyond 2^53 become `bigint`; `NaN` and both infinities become `null`. Texts without any of these
 * take the browser's own parser. Throws {@link JsonSyntaxError} on malformed text.
 */
export function parseLossless(text: string): Json {
  if (!SPECIAL.test(text)) {
    try {
      return JSON.parse(text) as Json
    } catch {
      // The own reader below says where the mistake is.
    }
  }
  return new Reader(text).read()
}

/** Writes JSON; `bigint` as plain digits, numbers that JSON lacks and `undefined` as `null`. `indent` spaces per level. */
export function stringifyLossless(value: Json, indent = 0): string {
  if (!holdsBigint(value)) return JSON.stringify(value, null, indent)
  return write(value, indent, '')
}

function holdsBigint(value: unknown): boolean {
  if (typeof value === 'bigint') return true
  if (typeof value !== 'object' || value === null) return false
  return Object.values(value).some(holdsBigint)
}

function write(value: Json | undefined, indent: number, margin: string): string {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const inner = margin + ' '.repeat(indent)
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}']
  const parts = Array.isArray(value)
    ? value.map((entry) => write(entry, indent, inner))
    : Object.entries(value)
        .filter(([, entry]) => entry !== undefined)
        .map(([key, entry]) => `${JSON.stringify(key)}:${indent ? ' ' : ''}${write(entry, indent, inner)}`)
  if (parts.length === 0) return open + close
  if (indent === 0) return open + parts.join(',') + close
  return `${open}\n${inner}${parts.join(`,\n${inner}`)}\n${margin}${close}`
}

const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y
const BLANK = /[ \t\n\r]*/y
const STRING = /"[^"\\]*(?:\\[^][^"\\]*)*"/y
const WORDS: readonly (readonly [string, Json])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
  ['NaN', null],
  ['Infinity', null],
  ['-Infinity', null],
]

class Reader {
  #at = 0
  #depth = 0

  constructor(readonly text: string) {
    if (text.startsWith('\ufeff')) this.#at = 1
  }

  read(): Json {
    const value = this.#value()
    this.#blank()
    if (this.#at < this.text.length) throw this.#error('Unexpected text after the value')
    return value
  }

  #value(): Json {
    this.#blank()
    const next = this.text[this.#at]
    if (next === '{') return this.#nested(() => this.#object())
    if (next === '[') return this.#nested(() => this.#array())
    if (next === '"') return this.#string()
    for (const [word, value] of WORDS) {
      if (!this.text.startsWith(word, this.#at)) continue
      this.#at += word.length
      return value
    }
    return this.#number()
  }

  #nested<T>(read: () => T): T {
    if (++this.#depth > DEEPEST) throw this.#error('Nested too deeply')
    const value = read()
    this.#depth--
    return value
  }

  #object(): JsonObject {
    const object: JsonObject = {}
    this.#at++
    if (this.#take('}')) return object
    do {
      this.#blank()
      const key = this.#string()
      if (!this.#take(':')) throw this.#error('Expected ":"')
      const value = this.#value()
      // An own property even for "__proto__", which plain assignment would swallow.
      if (key === '__proto__')
        Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true })
      else object[key] = value
    } while (this.#take(','))
    if (!this.#take('}')) throw this.#error('Expected "," or "}"')
    return object
  }

  #array(): Json[] {
    const array: Json[] = []
    this.#at++
    if (this.#take(']')) return array
    do array.push(this.#value())
    while (this.#take(','))
    if (!this.#take(']')) throw this.#error('Expected "," or "]"')
    return array
  }

  #string(): string {
    const found = this.#match(STRING)
    if (!found) throw this.#error('Expected a string')
    try {
      return JSON.parse(found[0]) as string
    } catch {
      throw this.#error('Malformed string before')
    }
  }

  #number(): Json {
    const found = this.#match(NUMBER)
    if (!found) throw this.#error(this.#at < this.text.length ? 'Unexpected character' : 'Unexpected end')
    const value = Number(found[0])
    const whole = found[1] === undefined && found[2] === undefined
    if (whole && !Number.isSafeInteger(value)) return BigInt(found[0])
    return Number.isFinite(value) ? value : null
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.text)
    if (found) this.#at = pattern.lastIndex
    return found
  }

  #blank(): void {
    this.#match(BLANK)
  }

  #take(character: string): boolean {
    this.#blank()
    if (this.text[this.#at] !== character) return false
    this.#at++
    return true
  }

  #error(message: string): JsonSyntaxError {
    return new JsonSyntaxError(message, this.#at)
  }
}

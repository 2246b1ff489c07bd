import { describe, expect, it } from 'vitest'
import { JsonSyntaxError, parseLossless, stringifyLossless } from './lossless-json'

describe('lossless JSON', () => {
  it.each(['18446744073709551615', '-9223372036854775807', '9007199254740993'])('keeps the digits of %s', (digits) => {
    expect(parseLossless(digits)).toBe(BigInt(digits))
    expect(stringifyLossless(parseLossless(`{"seed":[${digits}]}`))).toBe(`{"seed":[${digits}]}`)
  })

  it('leaves numbers that fit alone', () => {
    expect(parseLossless('[9007199254740991, 1e20, 12345678901234567890.5, 0.1, -0, 5e-324]')).toEqual([
      9007199254740991, 1e20, 12345678901234567000, 0.1, -0, 5e-324,
    ])
  })

  it('reads what Python writes for numbers that are none', () => {
    expect(parseLossless('{"a": NaN, "b": [Infinity, -Infinity], "c": 1}')).toEqual({ a: null, b: [null, null], c: 1 })
  })

  it('is not misled by digits and words inside strings', () => {
    expect(parseLossless('{"NaN": "Infinity 12345678901234567890 \\" \\\\", "n": 12345678901234567890}')).toEqual({
      NaN: 'Infinity 12345678901234567890 " \\',
      n: 12345678901234567890n,
    })
  })

  it.each(['', '{', '[1,]', '{"a" 1}', '{"a":1}x', '01', '"\n"', 'nul', '[NaN', '{"a":Infinity,}', '"\\x"', '- 1'])(
    'says where %j is wrong',
    (text) => expect(() => parseLossless(text)).toThrow(JsonSyntaxError),
  )

  it('refuses depth that would overflow the stack', () => {
    expect(() => parseLossless(`NaN`.padStart(100_000, '['))).toThrow(JsonSyntaxError)
  })

  it('does not change the prototype of an object', () => {
    const value = parseLossless('{"__proto__": {"a": 12345678901234567890}}') as Record<string, unknown>
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect(stringifyLossless(value as never)).toBe('{"__proto__":{"a":12345678901234567890}}')
  })

  it('indents like the standard writer', () => {
    const value = { a: [1, { b: [] }], c: {}, d: 2 }
    expect(stringifyLossless({ ...value, d: 2n }, 2)).toBe(JSON.stringify(value, null, 2))
  })

  it('reads five megabytes quickly', () => {
    const entry = { name: 'seed', text: 'x'.repeat(200), list: [1, 2, 3, 'a'], max: 0 }
    const text = JSON.stringify(Array.from({ length: 18_000 }, () => entry)).replaceAll(
      '"max":0',
      '"max":18446744073709551615',
    )
    const start = performance.now()
    expect((parseLossless(text) as unknown[]).length).toBe(18_000)
    expect(performance.now() - start).toBeLessThan(10_000)
  })
})

import { describe, expect, it } from 'vitest'
import { evaluate } from '@/widgets/arithmetic'

describe('evaluate', () => {
  it.each([
    ['512', 512],
    ['-3', -3],
    ['0.75', 0.75],
    ['.5', 0.5],
    ['1,5', 1.5],
    ['1e3', 1000],
    ['2+3*4', 14],
    ['(2+3)*4', 20],
    ['512 * 1.5', 768],
    ['7 % 4', 3],
    ['2**10', 1024],
    ['2^3^2', 512],
    ['-2**2', -4],
    ['10/4', 2.5],
    ['3--2', 5],
  ])('%s is %d', (text, value) => {
    expect(evaluate(text)).toBe(value)
  })

  it('keeps every digit of a 64-bit seed', () => {
    expect(evaluate('18446744073709551615')).toBe(18446744073709551615n)
    expect(evaluate('9007199254740991')).toBe(9007199254740991)
  })

  it.each(['', 'abc', '2+', '(2', '2)', '1..2', '1/0', 'alert(1)', '2 3'])('refuses %j', (text) => {
    expect(evaluate(text)).toBeNull()
  })
})

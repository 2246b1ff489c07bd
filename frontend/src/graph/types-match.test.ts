import { describe, expect, it } from 'vitest'
import { typesMatch } from './types-match'

describe('typesMatch', () => {
  it.each([
    ['IMAGE', 'IMAGE', true],
    ['IMAGE', 'image', true],
    ['IMAGE', 'MASK', false],
    ['*', 'MASK', true],
    ['', 'MASK', true],
    ['0', 'MASK', true],
    ['INT,FLOAT', 'float', true],
    ['INT, FLOAT', 'STRING,FLOAT', true],
    ['INT,FLOAT', 'STRING,BOOLEAN', false],
    ['COMBO', 'COMBO', true],
    ['COMBO', 'STRING', false],
  ])('%s and %s: %s', (a, b, expected) => {
    expect(typesMatch(a, b)).toBe(expected)
    expect(typesMatch(b, a)).toBe(expected)
  })
})

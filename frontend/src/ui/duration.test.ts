import { describe, expect, it } from 'vitest'
import { duration } from '@/ui/duration'

describe('duration', () => {
  it.each([
    [0, '1 ms'],
    [0.034, '34 ms'],
    [0.0996, '0.1 s'],
    [1.26, '1.3 s'],
    [9.96, '10 s'],
    [59.4, '59 s'],
    [59.6, '1 min 0 s'],
    [125, '2 min 5 s'],
    [7384, '2 h 3 min'],
  ])('%d seconds are written as %s', (seconds, text) => expect(duration(seconds)).toBe(text))
})

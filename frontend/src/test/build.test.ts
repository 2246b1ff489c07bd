import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { sourceHash } from '../../build/release-files'

describe('build stamp', () => {
  it('depends on the sources alone', () => {
    const root = path.join(import.meta.dirname, '..', '..')
    expect(sourceHash(root)).toMatch(/^[0-9a-f]{64}$/)
    expect(sourceHash(root)).toBe(sourceHash(root))
  })
})

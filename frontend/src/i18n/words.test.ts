import { describe, expect, it } from 'vitest'
import { t } from '@/i18n'
import en from '@/i18n/en.json'

describe('words', () => {
  it('fills in values and chooses between one and many', () => {
    expect(t('status.nodes', { n: 1 })).toBe('1 node')
    expect(t('status.nodes', { n: 7 })).toBe('7 nodes')
    expect(t('undo.of', { step: 'Connect' })).toBe('Undo: Connect')
  })

  it('fills in the number inside of the choice', () => {
    expect(t('run.unknownTitle', { n: 1 })).toBe('A node is unknown to the server')
    expect(t('run.unknownTitle', { n: 3 })).toBe('3 nodes are unknown to the server')
    expect(t('import.warnings', { n: 2 })).toBe('2 things could not be restored.')
  })

  it('leaves no brace behind', () => {
    const names = new Set(
      Object.values(en).flatMap((sentence) => [...sentence.matchAll(/\{(\w+)/g)].map(([, name]) => name)),
    )
    for (const n of [1, 2]) {
      const values = Object.fromEntries([...names].map((name) => [name ?? '', n]))
      const written = (Object.keys(en) as (keyof typeof en)[]).map((key) => t(key, values))
      expect(written.filter((sentence) => /[{}]/.test(sentence))).toEqual([])
    }
  })

  it('speaks without exclamation marks', () => {
    expect(Object.values(en).filter((sentence) => sentence.includes('!'))).toEqual([])
  })
})

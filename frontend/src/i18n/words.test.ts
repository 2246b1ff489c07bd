import { describe, expect, it } from 'vitest'
import { t } from '@/i18n'
import en from '@/i18n/en.json'

describe('words', () => {
  it('fills in values and chooses between one and many', () => {
    expect(t('status.nodes', { n: 1 })).toBe('1 node')
    expect(t('status.nodes', { n: 7 })).toBe('7 nodes')
    expect(t('undo.of', { step: 'Connect' })).toBe('Undo: Connect')
  })

  it('speaks without exclamation marks', () => {
    expect(Object.values(en).filter((sentence) => sentence.includes('!'))).toEqual([])
  })
})

import { beforeEach, describe, expect, it } from 'vitest'
import { PromptOwners } from '@/api/prompt-owners'
import type { TabLock } from '@/document/tab-lock'
import { readOpen, writeOpen } from '@/features/tabs/remembered'
import { claimClientId } from './client-id'

/** Locks of one browser. `leave` gives back what its pages hold, a moment after a page asked with patience. */
function browser() {
  const held = new Set<string>()
  let leaving = false
  const lock: TabLock = (name, waitMs = 0) => {
    if (leaving && waitMs > 0) held.clear()
    if (held.has(name)) return Promise.resolve(null)
    held.add(name)
    return Promise.resolve(() => held.delete(name))
  }
  return { lock, held, leave: () => (leaving = true) }
}

/** This page's storage serves as the copy that a duplicated tab begins with. */
const copied = () => sessionStorage

describe('claimClientId', () => {
  beforeEach(() => sessionStorage.clear())

  it('gives a page the same id after a reload, with what it remembers', async () => {
    const { lock, leave } = browser()
    const id = await claimClientId(sessionStorage, lock)
    new PromptOwners().add('p', 'document')
    writeOpen({ open: ['document'], active: 'document' })
    leave()
    expect(await claimClientId(sessionStorage, lock)).toBe(id)
    expect(new PromptOwners().of('p')).toBe('document')
    expect(readOpen()).toEqual({ open: ['document'], active: 'document' })
  })

  it('gives a duplicated tab another id, and nothing of the first', async () => {
    const { lock, held } = browser()
    const id = await claimClientId(sessionStorage, lock)
    new PromptOwners().add('p', 'document')
    writeOpen({ open: ['document'], active: 'document' })
    sessionStorage.setItem('another program', 'stays')
    const other = await claimClientId(copied(), lock)
    expect(other).toMatch(/^[0-9a-f]{32}$/)
    expect(other).not.toBe(id)
    expect(new PromptOwners().of('p')).toBeUndefined()
    expect(readOpen()).toEqual({ open: [], active: null })
    expect(sessionStorage.getItem('another program')).toBe('stays')
    expect(held.size).toBe(2)
  })

  it('notices the duplicate of a duplicate', async () => {
    const { lock } = browser()
    const ids = new Set<string>()
    for (let page = 0; page < 3; page++) ids.add(await claimClientId(copied(), lock))
    expect(ids.size).toBe(3)
  })

  it('shares the id where the browser has no locks', async () => {
    const granted: TabLock = () => Promise.resolve(() => undefined)
    const id = await claimClientId(sessionStorage, granted)
    expect(await claimClientId(copied(), granted)).toBe(id)
  })
})

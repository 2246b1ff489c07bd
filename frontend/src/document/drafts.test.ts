import { beforeEach, describe, expect, it } from 'vitest'
import { testDefinitions } from '../test/class-source'
import { Drafts } from './drafts'
import type { TabLock } from './tab-lock'

const SEED = 18446744073709551615n

/** Locks of one browser, shared by its tabs. */
function browser() {
  const held = new Set<string>()
  const lock: TabLock = (name) => {
    if (held.has(name)) return Promise.resolve(null)
    held.add(name)
    return Promise.resolve(() => held.delete(name))
  }
  return { lock, crash: () => held.clear() }
}

class TabStorage implements Storage {
  readonly #items = new Map<string, string>()
  get length() {
    return this.#items.size
  }
  clear = () => this.#items.clear()
  getItem = (key: string) => this.#items.get(key) ?? null
  key = (at: number) => [...this.#items.keys()][at] ?? null
  removeItem = (key: string) => void this.#items.delete(key)
  setItem = (key: string, value: string) => void this.#items.set(key, value)
}

const definitions = testDefinitions()
const tab = (lock: TabLock, session: Storage = new TabStorage()) => ({
  session,
  drafts: new Drafts(definitions, { lock, session }),
})

describe('Drafts', () => {
  beforeEach(() => localStorage.clear())

  it('brings everything back after a crash, to the digit', async () => {
    const { lock, crash } = browser()
    const first = tab(lock)
    const draft = await first.drafts.create(undefined, { name: 'mine' })
    expect(draft).toMatchObject({ kept: true, restored: false })
    const sampler = draft.document.addNode('KSampler', [3, 4])
    draft.document.setWidget(sampler, 'seed', SEED)
    draft.update({ dirty: true })
    const before = draft.document.toGraph()
    crash()
    const again = await tab(lock, first.session).drafts.resume()
    expect(again?.restored).toBe(true)
    expect(again?.info()).toMatchObject({ name: 'mine', dirty: true })
    expect(again?.document.toGraph()).toEqual(before)
    expect(again?.document.addNode('KSampler', [0, 0])).not.toBe(sampler)
  })

  it('never gives one draft to two tabs', async () => {
    const { lock } = browser()
    const draft = await tab(lock).drafts.create()
    draft.update({ dirty: true })
    expect(await tab(lock).drafts.resume()).toBeNull()
    await draft.close()
    expect((await tab(lock).drafts.resume())?.info().id).toBe(draft.info().id)
  })

  it('leaves a saved draft of a closed tab alone', async () => {
    const { lock } = browser()
    const draft = await tab(lock).drafts.create(undefined, { path: 'a.json' })
    await draft.close()
    expect(await tab(lock).drafts.resume()).toBeNull()
  })

  it('keeps only so many, and unsaved ones longest', async () => {
    const { lock } = browser()
    const { drafts } = tab(lock)
    const first = await drafts.create()
    first.update({ dirty: true })
    await first.close()
    for (let count = 0; count < 14; count++) await (await drafts.create()).close()
    expect(drafts.list()).toHaveLength(10)
    expect(drafts.list().map((info) => info.id)).toContain(first.info().id)
  })

  it('does not mind a spoilt index', async () => {
    localStorage.setItem('comfy-creator.drafts', '[{"id":3},null,')
    const { drafts } = tab(browser().lock)
    expect(drafts.list()).toEqual([])
    expect(await drafts.resume()).toBeNull()
  })
})

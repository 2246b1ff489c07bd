import { beforeEach, describe, expect, it } from 'vitest'
import { testDefinitions } from '../test/class-source'
import { Drafts, type DraftChange } from './drafts'
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

const definitions = testDefinitions()
const open = (lock: TabLock) => new Drafts(definitions, { lock })

describe('Drafts', () => {
  beforeEach(() => localStorage.clear())

  it('brings everything back after a crash, to the digit', async () => {
    const { lock, crash } = browser()
    const draft = await open(lock).create(undefined, { name: 'mine' })
    expect(draft.restored).toBe(false)
    expect(await draft.kept).toBe(true)
    const sampler = draft.document.addNode('KSampler', [3, 4])
    draft.document.setWidget(sampler, 'seed', SEED)
    draft.update({ dirty: true })
    const before = draft.document.toGraph()
    crash()
    const again = await open(lock).open(draft.info().id)
    expect(again?.restored).toBe(true)
    expect(again?.info()).toMatchObject({ name: 'mine', dirty: true })
    expect(again?.document.toGraph()).toEqual(before)
    expect(again?.document.addNode('KSampler', [0, 0])).not.toBe(sampler)
  })

  it('takes back and repeats after a reload what was done before it', async () => {
    const { lock } = browser()
    const draft = await open(lock).create()
    const { document } = draft
    const text = document.addNode('CLIPTextEncode', [0, 0])
    document.setWidget(text, 'text', 'first')
    document.endStep()
    document.setWidget(text, 'text', 'second')
    document.removeNodes([text])
    document.undo()
    await draft.close()
    const again = (await open(lock).open(draft.info().id))?.document
    expect(again?.getHistory()).toMatchObject({ undoLabel: 'Change value', redoLabel: 'Delete node' })
    expect(again?.redo()).toBe('Delete node')
    expect(again?.getTopology().nodeIds).toEqual([])
    again?.undo()
    again?.undo()
    expect(again?.getWidget(text, 'text')).toBe('first')
    again?.undo()
    again?.undo()
    expect(again?.getTopology().nodeIds).toEqual([])
    expect(again?.getHistory().canUndo).toBe(false)
  })

  it('never gives one draft to two tabs', async () => {
    const { lock } = browser()
    const draft = await open(lock).create()
    const { id } = draft.info()
    expect(await open(lock).hold(id)).toBeNull()
    await draft.close()
    expect((await open(lock).open(id))?.info().id).toBe(id)
  })

  it('remembers a new name of a draft that nobody has opened yet', async () => {
    const { lock } = browser()
    const draft = await open(lock).create(undefined, { path: 'a.json' })
    await draft.close()
    const held = await open(lock).hold(draft.info().id)
    held?.update({ path: 'b.json' })
    held?.release()
    expect((await open(lock).open(draft.info().id))?.info().path).toBe('b.json')
  })

  it('knows what a closed or crashed tab left: unsaved work and saved workflows, not what was closed', async () => {
    const { lock } = browser()
    const drafts = open(lock)
    const make = async (name: string, about: DraftChange) => drafts.create(undefined, { name, ...about })
    await make('untouched', {})
    await make('unsaved', { dirty: true })
    await make('saved', { path: 'saved.json' })
    await make('given up', { dirty: true, closed: true })
    expect(drafts.left().map((info) => info.name)).toEqual(['unsaved', 'saved'])
  })

  it('keeps only so many, and unsaved ones longest', async () => {
    const { lock } = browser()
    const drafts = open(lock)
    const first = await drafts.create()
    first.update({ dirty: true })
    await first.close()
    for (let count = 0; count < 34; count++) await (await drafts.create()).close()
    expect(drafts.list()).toHaveLength(30)
    expect(drafts.list().map((info) => info.id)).toContain(first.info().id)
  })

  it('does not mind a spoilt index', () => {
    localStorage.setItem('comfy-creator.drafts', '[{"id":3},null,')
    const drafts = open(browser().lock)
    expect(drafts.list()).toEqual([])
    expect(drafts.left()).toEqual([])
  })
})

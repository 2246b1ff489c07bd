import * as Y from 'yjs'
import { describe, expect, it, vi } from 'vitest'
import { testDefinitions } from '../test/class-source'
import { EditorDocument, emptyDocument } from './editor-document'

const SEED = 18446744073709551615n

function chain() {
  const document = emptyDocument(testDefinitions())
  const loader = document.addNode('CheckpointLoaderSimple', [0, 0])
  const text = document.addNode('CLIPTextEncode', [300, 0])
  const sampler = document.addNode('KSampler', [700, 0])
  const connect = (source: string, sourceSlot: number, target: string, targetInput: string) =>
    document.connect({ source, sourceSlot, target, targetInput })
  return { document, loader, text, sampler, connect }
}

describe('EditorDocument', () => {
  it('gives a new node the defaults of its class', () => {
    const { document, sampler } = chain()
    expect(document.getWidgets(sampler)).toEqual({
      seed: 0,
      'seed/control': 'randomize',
      steps: 20,
      cfg: 8,
      sampler_name: 'euler',
      scheduler: 'normal',
      denoise: 1,
    })
  })

  it('keeps every digit of a 64-bit seed through another copy of the document', () => {
    const { document, sampler } = chain()
    document.setWidget(sampler, 'seed', SEED)
    const copy = new Y.Doc()
    Y.applyUpdate(copy, Y.encodeStateAsUpdate(document.ydoc))
    expect(new EditorDocument({ ydoc: copy }).getWidget(sampler, 'seed')).toBe(SEED)
  })

  it('connects matching slots and replaces the link in an occupied input', () => {
    const { document, loader, text, sampler, connect } = chain()
    const other = document.addNode('CLIPTextEncode', [300, 200])
    expect(connect(loader, 1, text, 'clip')).toEqual({ ok: true })
    expect(connect(text, 0, sampler, 'positive')).toEqual({ ok: true })
    expect(connect(other, 0, sampler, 'positive')).toEqual({ ok: true })
    expect(document.linkInto(sampler, 'positive')?.source).toBe(other)
    expect(document.getTopology().links).toHaveLength(2)
  })

  it.each([
    ['type-mismatch', 0, 'clip'],
    ['missing-slot', 7, 'clip'],
    ['missing-slot', 1, 'nothing'],
  ])('refuses with the reason %s', (code, slot, input) => {
    const { loader, text, connect } = chain()
    expect(connect(loader, slot, text, input)).toMatchObject({ ok: false, code })
  })

  it('refuses a circle and a node that feeds itself', () => {
    const document = emptyDocument(testDefinitions())
    const a = document.addNode('ImageScale', [0, 0])
    const b = document.addNode('ImageScale', [0, 0])
    const connect = (source: string, target: string) =>
      document.connect({ source, sourceSlot: 0, target, targetInput: 'image' })
    expect(connect(a, b)).toEqual({ ok: true })
    expect(connect(b, a)).toMatchObject({ code: 'cycle' })
    expect(connect(a, a)).toMatchObject({ code: 'same-node' })
    const check = document.connectionChecker({ side: 'output', node: b, slot: 0 })
    expect(check({ side: 'input', node: a, input: 'image' })).toMatchObject({ code: 'cycle' })
    expect(check({ side: 'output', node: a, slot: 0 })).toMatchObject({ code: 'same-side' })
    const other = document.connectionChecker({ side: 'input', node: a, input: 'image' })
    expect(other({ side: 'output', node: b, slot: 0 })).toMatchObject({ code: 'cycle' })
    const c = document.addNode('ImageScale', [0, 0])
    expect(other({ side: 'output', node: c, slot: 0 })).toEqual({ ok: true })
  })

  it('takes back a delete with all its links in one step', () => {
    const { document, loader, text, sampler, connect } = chain()
    connect(loader, 1, text, 'clip')
    connect(text, 0, sampler, 'positive')
    const before = document.toGraph()
    document.removeNodes([loader, text])
    expect(document.getTopology().links).toEqual([])
    document.undo()
    expect(document.toGraph()).toEqual(before)
    document.redo()
    expect(document.getTopology().nodeIds).toEqual([sampler])
  })

  it('makes one step of quick typing, and another after a pause or in another field', () => {
    let now = 0
    const document = new EditorDocument({ definitions: testDefinitions(), now: () => now })
    const text = document.addNode('CLIPTextEncode', [0, 0])
    for (const value of ['a', 'ab', 'abc']) {
      now += 200
      document.setWidget(text, 'text', value)
    }
    now += 5000
    document.setWidget(text, 'text', 'abc later')
    document.undo()
    expect(document.getWidget(text, 'text')).toBe('abc')
    document.undo()
    expect(document.getWidget(text, 'text')).toBe('')
    expect(document.getHistory()).toMatchObject({ undoLabel: 'Add node', redoLabel: 'Change value' })
  })

  it('tells only those whose widget or node changed', () => {
    const { document, text, sampler } = chain()
    const calls = { steps: vi.fn(), cfg: vi.fn(), text: vi.fn(), sampler: vi.fn(), shape: vi.fn() }
    document.subscribeWidget(sampler, 'steps', calls.steps)
    document.subscribeWidget(sampler, 'cfg', calls.cfg)
    document.subscribeNode(text, calls.text)
    document.subscribeNode(sampler, calls.sampler)
    document.subscribeTopology(calls.shape)
    const view = document.getNode(sampler)
    const shape = document.getTopology()
    document.setWidget(sampler, 'steps', 30)
    document.moveNodes([[text, [5, 6]]])
    expect(calls.steps).toHaveBeenCalledTimes(1)
    expect(calls.cfg).not.toHaveBeenCalled()
    expect(calls.text).toHaveBeenCalledTimes(1)
    expect(calls.sampler).not.toHaveBeenCalled()
    expect(calls.shape).not.toHaveBeenCalled()
    expect(document.getNode(sampler)).toBe(view)
    expect(document.getTopology()).toBe(shape)
    expect(document.getNode(text)?.pos).toEqual([5, 6])
  })

  it('reads what it wrote inside one transaction', () => {
    const document = emptyDocument(testDefinitions())
    document.transact('Template', () => {
      const a = document.addNode('CheckpointLoaderSimple', [0, 0])
      const b = document.addNode('CLIPTextEncode', [0, 0])
      expect(document.connect({ source: a, sourceSlot: 1, target: b, targetInput: 'clip' }).ok).toBe(true)
      document.removeNodes([a])
      expect(document.getTopology().links).toEqual([])
    })
    document.undo()
    expect(document.getTopology().nodeIds).toEqual([])
  })

  it('pastes with inner links, and with outer ones when asked', () => {
    const { document, loader, text, sampler, connect } = chain()
    connect(loader, 1, text, 'clip')
    connect(text, 0, sampler, 'positive')
    const clip = document.copy([text, sampler])
    const [inner] = document.paste(clip, { at: [0, 500] })
    expect(document.getNode(inner ?? '')?.pos).toEqual([0, 500])
    expect(document.getTopology().links).toHaveLength(3)
    expect(document.linkInto(inner ?? '', 'clip')).toBeUndefined()
    const [outer] = document.duplicate([text, sampler])
    expect(document.linkInto(outer ?? '', 'clip')?.source).toBe(loader)
  })

  it('never gives an id twice, also after undo', () => {
    const document = emptyDocument(testDefinitions())
    const first = document.addNode('KSampler', [0, 0])
    document.undo()
    expect(document.addNode('KSampler', [0, 0])).not.toBe(first)
  })

  it('leaves out of undo what is not an intent', () => {
    const { document, sampler } = chain()
    document.setWidget(sampler, 'seed', 5, { undoable: false })
    document.setViewport({ x: 1, y: 2, zoom: 3 })
    expect(document.getHistory().undoLabel).toBe('Add node')
    expect(document.getViewport()).toEqual({ x: 1, y: 2, zoom: 3 })
  })

  it('takes type and value of the first widget that a primitive is connected to', () => {
    const { document, sampler } = chain()
    document.setWidget(sampler, 'seed', SEED)
    const primitive = document.addNode('PrimitiveNode', [0, 0])
    expect(document.connect({ source: primitive, sourceSlot: 0, target: sampler, targetInput: 'seed' }).ok).toBe(true)
    expect(document.definitionOf(primitive)?.outputs[0]?.type).toBe('INT')
    expect(document.getWidget(primitive, 'value')).toBe(SEED)
    expect(document.definitionOf(primitive)?.widgets.map((widget) => widget.name)).toEqual(['value', 'value/control'])
    expect(
      document.checkConnection({ source: primitive, sourceSlot: 0, target: sampler, targetInput: 'model' }).ok,
    ).toBe(false)
  })
})

import { describe, expect, it } from 'vitest'
import { CanvasView } from '@/canvas/canvas-view'
import { readObjectInfo } from '@/definitions/object-info'
import { EditorDocument } from '@/document/editor-document'

const definitions = readObjectInfo({
  Loader: { input: { required: {} }, output: ['MODEL'], output_name: ['MODEL'], display_name: 'Loader' },
  Sampler: {
    input: { required: { model: ['MODEL'], steps: ['INT', { default: 20 }] } },
    output: ['LATENT'],
    output_name: ['LATENT'],
    display_name: 'Sampler',
  },
})

function shown() {
  const document = new EditorDocument({ definitions })
  const canvas = new CanvasView()
  const loader = document.addNode('Loader', [0, 100])
  const sampler = document.addNode('Sampler', [400, 100])
  canvas.follow(document)
  const node = (id: string) => canvas.store.getState().nodes.find((entry) => entry.id === id)!
  return { document, canvas, loader, sampler, node }
}

describe('what the canvas shows of a document', () => {
  it('gives React Flow size and handles, so that nothing has to be measured', () => {
    const { node, sampler } = shown()
    expect(node(sampler)).toMatchObject({ width: expect.any(Number) as number, height: expect.any(Number) as number })
    expect(node(sampler).handles?.map((handle) => handle.id)).toEqual(['in:model', 'in:steps', 'out:0'])
    expect(node(sampler).position).toEqual({ x: 400, y: 70 })
  })

  it('keeps every node as it is while a value is typed', () => {
    const { document, canvas, sampler } = shown()
    const before = canvas.store.getState()
    document.setWidget(sampler, 'steps', 30)
    expect(canvas.store.getState()).toBe(before)
  })

  it('renews only what a move or a link changes, and keeps the selection', () => {
    const { document, canvas, loader, sampler, node } = shown()
    canvas.select([sampler])
    const [first, second] = [node(loader), node(sampler)]
    document.moveNodes([[loader, [10, 110]]])
    expect(node(loader)).not.toBe(first)
    expect(node(loader).position).toEqual({ x: 10, y: 80 })
    expect(node(sampler)).toBe(second)
    document.connect({ source: loader, sourceSlot: 0, target: sampler, targetInput: 'model' })
    expect([...node(sampler).data.linked]).toEqual(['in:model'])
    expect(canvas.selectedNodes()).toEqual([sampler])
    expect(canvas.store.getState().edges).toMatchObject([{ source: loader, target: sampler, data: { type: 'MODEL' } }])
  })

  it('puts nodes back to where the document has them', () => {
    const { canvas, loader, node } = shown()
    canvas.store.setState(({ nodes }) => ({
      nodes: nodes.map((entry) => (entry.id === loader ? { ...entry, position: { x: 999, y: 999 } } : entry)),
    }))
    canvas.putBack([loader])
    expect(node(loader).position).toEqual({ x: 0, y: 70 })
  })
})

import { describe, expect, it } from 'vitest'
import { testDefinitions } from '../../test/class-source'
import seedWorkflow from '../../test/fixtures/seed-workflow-api.json'
import { measure, placeInLayers } from '../../graph/layout'
import type { JsonObject } from '../../graph/model'
import { openText } from '../open-file'
import { importWorkflow } from '../recognise'

const definitions = testDefinitions()

const boxesOverlap = (boxes: (readonly [number, number, number, number])[]) =>
  boxes.some((a, at) =>
    boxes.some(
      (b, other) => other > at && a[0] < b[0] + b[2] && b[0] < a[0] + a[2] && a[1] < b[1] + b[3] && b[1] < a[1] + a[3],
    ),
  )

describe('API workflows', () => {
  it('become graphs, laid out from left to right without overlap', async () => {
    const { graph, warnings, needsLayout } = await openText(JSON.stringify(seedWorkflow), definitions)
    expect(warnings).toEqual([])
    expect(needsLayout).toBe(false)
    expect(graph.nodes).toHaveLength(7)
    expect(graph.links).toHaveLength(9)
    const sampler = graph.nodes.find((node) => node.id === '3')
    expect(sampler?.widgets).toMatchObject({ seed: 156680208700286, 'seed/control': 'fixed', cfg: 8 })
    expect(graph.links.find((link) => link.target === '3' && link.targetInput === 'model')?.type).toBe('MODEL')
    const x = (id: string) => graph.nodes.find((node) => node.id === id)?.pos[0] ?? NaN
    for (const link of graph.links) expect(x(link.source)).toBeLessThan(x(link.target))
    const sizes = measure(graph, definitions)
    expect(boxesOverlap(graph.nodes.map((node) => [...node.pos, ...(sizes.get(node.id) ?? [0, 0])] as const))).toBe(
      false,
    )
  })

  it('have a plain layout when the library cannot be loaded', () => {
    const { graph } = importWorkflow(seedWorkflow, definitions)
    const sizes = measure(graph, definitions)
    const places = placeInLayers(graph, sizes)
    expect(boxesOverlap([...places].map(([id, pos]) => [...pos, ...(sizes.get(id) ?? [0, 0])] as const))).toBe(false)
    for (const link of graph.links) {
      expect(places.get(link.source)?.[0]).toBeLessThan(places.get(link.target)?.[0] ?? NaN)
    }
  })

  it('may come from inside subgraphs and hold classes nobody knows', () => {
    const file: JsonObject = {
      '12:7': { class_type: 'LoadImage', inputs: { image: 'a.png' }, _meta: { title: 'Mine' } },
      '12_7': { class_type: 'Nobody', inputs: { picture: ['12:7', 1], amount: 4, list: { __value__: [1, 2] } } },
      b: { class_type: 'ImageScale', inputs: { image: ['12_7', 2], width: 18446744073709551615n } },
    }
    const { graph, warnings } = importWorkflow(file, definitions)
    expect(graph.nodes.map((node) => node.id)).toEqual(['12_7_', '12_7', 'b'])
    expect(graph.nodes[0]?.title).toBe('Mine')
    expect(graph.nodes[1]).toMatchObject({
      inputs: [{ name: 'picture', type: '*' }],
      rest: { widgets_values_named: { amount: 4, list: [1, 2] } },
    })
    expect(graph.nodes[1]?.outputs).toHaveLength(3)
    expect(graph.nodes[2]?.widgets['width']).toBe(18446744073709551615n)
    expect(graph.links).toMatchObject([
      { source: '12_7_', target: '12_7', targetInput: 'picture' },
      { source: '12_7', sourceSlot: 2, target: 'b', targetInput: 'image' },
    ])
    expect(warnings.map((warning) => warning.code)).toEqual(['id-changed', 'unknown-class'])
  })

  it.each([[{}], [[]], ['text'], [{ a: 1 }], [{ 1: { class_type: 'X' } }]])('are told from other JSON', (value) => {
    expect(() => importWorkflow(value as never, definitions)).toThrow(/no workflow/)
  })
})

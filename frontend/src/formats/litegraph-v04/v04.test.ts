import { describe, expect, it } from 'vitest'
import { EditorDocument } from '../../document/editor-document'
import type { GraphNode, Json, JsonObject } from '../../graph/model'
import { testDefinitions } from '../../test/class-source'
import { savedNode, savedSampler, savedWorkflow } from '../../test/v04-builder'
import { importText, importWorkflow } from '../recognise'
import { exportV04 } from './export'
import { importV04 } from './import'

const definitions = testDefinitions()
const SEED = 18446744073709551615n

const importFile = (file: JsonObject) => importV04(file, definitions)
const node = (file: JsonObject, id: string): GraphNode => {
  const found = importFile(file).graph.nodes.find((entry) => entry.id === id)
  if (!found) throw new Error(`no node ${id}`)
  return found
}
const exportedNode = (file: JsonObject, id: number): JsonObject => {
  const nodes = exportV04(importFile(file).graph, definitions)['nodes'] as JsonObject[]
  return nodes.find((entry) => entry['id'] === id) as JsonObject
}
const sampler = (values: unknown, more: JsonObject = {}) => {
  const result = importFile(savedWorkflow([savedSampler(values, more)]))
  return { widgets: result.graph.nodes[0]?.widgets, warnings: result.warnings }
}

const FULL = [SEED, 'increment', 30, 7.5, 'heun', 'karras', 0.6]
const READ = {
  seed: SEED,
  'seed/control': 'increment',
  steps: 30,
  cfg: 7.5,
  sampler_name: 'heun',
  scheduler: 'karras',
  denoise: 0.6,
}

describe('widget values', () => {
  it('finds the seed, its control entry and what follows', () => {
    expect(sampler(FULL)).toEqual({ widgets: READ, warnings: [] })
  })

  it.each([
    [true, 'randomize'],
    [false, 'fixed'],
  ])('reads the control entry %s of the oldest files as %s', (old, mode) => {
    expect(sampler([5, old, 30, 7.5, 'heun', 'karras', 0.6]).widgets).toMatchObject({ 'seed/control': mode, steps: 30 })
  })

  it('reads files without control entries', () => {
    expect(sampler([5, 30, 7.5, 'heun', 'karras', 0.6])).toMatchObject({
      widgets: { seed: 5, steps: 30, cfg: 7.5, denoise: 0.6 },
      warnings: [],
    })
  })

  it('keeps entries of other front ends and writes them back behind the known ones', () => {
    const file = savedWorkflow([savedSampler([...FULL, 'panel', { open: true }])])
    expect(node(file, '3').widgets).toEqual(READ)
    expect(exportedNode(file, 3)['widgets_values']).toEqual([...FULL, 'panel', { open: true }])
  })

  it('gives a default and a warning instead of a value that may have slipped', () => {
    const { widgets, warnings } = sampler([5, 'fixed', 30, 7.5])
    expect(widgets).toMatchObject({ seed: 5, 'seed/control': 'fixed', denoise: 1 })
    expect(widgets?.['cfg']).not.toBe(30)
    expect(warnings.map((warning) => warning.code)).toContain('value-not-restored')
    expect(warnings.every((warning) => warning.node === '3')).toBe(true)
  })

  it('keeps a file name that is no option any more', () => {
    const file = savedWorkflow([
      savedNode(4, 'CheckpointLoaderSimple', [], [], { widgets_values: ['gone.safetensors'] }),
    ])
    expect(importFile(file).warnings).toEqual([])
    expect(node(file, '4').widgets).toEqual({ ckpt_name: 'gone.safetensors' })
  })

  it('reads objects by name', () => {
    const { widgets, warnings } = sampler({ seed: 7, steps: 9, denoise: 0.5, control_after_generate: 'fixed' })
    expect(widgets).toMatchObject({ seed: 7, 'seed/control': 'fixed', steps: 9, denoise: 0.5, cfg: 8 })
    expect(warnings.map((warning) => warning.message).join()).toContain('"cfg"')
  })

  it('trusts an exact array more than the named form, and the named form more than a broken array', () => {
    const named = {
      seed: 1,
      control_after_generate: 'fixed',
      steps: 2,
      cfg: 3,
      sampler_name: 'euler',
      scheduler: 'normal',
      denoise: 0.1,
    }
    expect(sampler(FULL, { widgets_values_named: named }).widgets).toEqual(READ)
    expect(sampler([1, 2], { widgets_values_named: named }).widgets).toMatchObject({ steps: 2, cfg: 3, denoise: 0.1 })
  })

  it('drops the dummies of forced inputs in old files', () => {
    const old = savedNode(6, 'ForcedInput', [['text', 'STRING']], [], { widgets_values: ['dummy', 4, 'me'] })
    expect(node(savedWorkflow([old]), '6').widgets).toEqual({ amount: 4, name: 'me' })
    const recent = savedNode(6, 'ForcedInput', [['text', 'STRING']], [], { widgets_values: [4, 'me'] })
    expect(node(savedWorkflow([recent]), '6').widgets).toEqual({ amount: 4, name: 'me' })
  })

  it('reads and writes the entry of an upload button', () => {
    const file = savedWorkflow([savedNode(7, 'LoadImage', [], [], { widgets_values: ['b.png', 'image'] })])
    expect(node(file, '7').widgets).toEqual({ image: 'b.png', 'image/upload': 'image' })
    expect(exportedNode(file, 7)['widgets_values']).toEqual(['b.png', 'image'])
    const old = savedWorkflow([savedNode(7, 'LoadImage', [], [], { widgets_values: ['b.png'] })])
    expect(importFile(old).warnings).toEqual([])
    expect(exportedNode(old, 7)['widgets_values']).toEqual(['b.png', 'image'])
  })

  it('reads mode and filter behind a combo with control', () => {
    const file = savedWorkflow([savedNode(8, 'PickCombo', [], [], { widgets_values: ['b', 'increment-wrap', '/b/'] })])
    expect(node(file, '8').widgets).toEqual({ choice: 'b', 'choice/control': 'increment-wrap', 'choice/filter': '/b/' })
  })

  it('writes both forms', () => {
    expect(exportedNode(savedWorkflow([savedSampler(FULL)]), 3)).toMatchObject({
      widgets_values: FULL,
      widgets_values_named: { seed: SEED, control_after_generate: 'increment', steps: 30, denoise: 0.6 },
    })
  })
})

describe('links', () => {
  const scale = (id: number, link: number | null, widget?: [string, number]) =>
    savedNode(
      id,
      'ImageScale',
      [
        ['image', 'IMAGE', link],
        ...(widget ? [[widget[0], 'INT', widget[1], true] as [string, string, number, boolean]] : []),
      ],
      [['IMAGE', 'IMAGE']],
      { widgets_values: ['area', 64, 'center'] },
    )
  const load = savedNode(
    1,
    'LoadImage',
    [],
    [
      ['IMAGE', 'IMAGE', [1]],
      ['MASK', 'MASK'],
    ],
    { widgets_values: ['a.png', 'image'] },
  )

  it('resolves slot numbers to names, and back', () => {
    const primitive = savedNode(5, 'PrimitiveNode', [], [['INT', 'INT', [2]]], { widgets_values: [640, 'fixed'] })
    const file = savedWorkflow(
      [load, scale(2, 1, ['width', 2]), primitive],
      [
        [1, 1, 0, 2, 0, 'IMAGE'],
        [2, 5, 0, 2, 1, 'INT'],
      ],
    )
    const { graph, warnings } = importFile(file)
    expect(warnings).toEqual([])
    expect(graph.links.map((link) => link.targetInput)).toEqual(['image', 'width'])
    expect(graph.nodes[1]?.widgets['width']).toBe(64)
    expect(exportV04(graph, definitions)['links']).toEqual(file['links'])
    expect(exportedNode(file, 2)['inputs']).toMatchObject([
      { name: 'image', link: 1 },
      { name: 'width', widget: { name: 'width' }, link: 2 },
    ])
    expect(exportedNode(file, 5)['widgets_values']).toEqual([640, 'fixed'])
  })

  it('drops null entries, links to nothing and the second link into an input', () => {
    const file = savedWorkflow(
      [load, scale(2, 7)],
      [
        null,
        [1, 1, 0, 2, 0, 'IMAGE'],
        [7, '1', '0', 2, '0', 'IMAGE'],
        [8, 1, 0, 99, 0, 'IMAGE'],
        [9, 1, 5, 2, 0, 'IMAGE'],
      ],
    )
    const { graph, warnings } = importFile(file)
    expect(graph.links).toMatchObject([{ id: 7, source: '1', sourceSlot: 0, target: '2' }])
    expect(warnings).toHaveLength(3)
  })

  it('takes slot types that are lists', () => {
    const any = savedNode(2, 'Unknown', [], [['out', 'IMAGE', [1]]])
    ;((any['outputs'] as JsonObject[])[0] as JsonObject)['type'] = ['IMAGE', 'MASK']
    const file = savedWorkflow([any, scale(4, 1)], [[1, 2, 0, 4, 0, ['IMAGE', 'MASK']]])
    const { graph } = importFile(file)
    expect(graph.links[0]?.type).toBe('IMAGE,MASK')
    expect(exportedNode(file, 2)['outputs']).toMatchObject([{ type: ['IMAGE', 'MASK'], links: [1] }])
  })
})

describe('documents', () => {
  const odd = {
    ...savedSampler(FULL, {
      pos: { 0: 10, 1: 20 },
      size: { 0: 320, 1: 262 },
      flags: { collapsed: true, custom: 1 },
      title: 'Mine',
      color: '#322',
      shape: 2,
      mine: { a: [1, SEED] },
      properties: { cnr_id: 'comfy-core', own: true },
    }),
  }
  const file = savedWorkflow([odd], [], {
    id: '5b1a',
    revision: 3,
    groups: [
      { id: 4, title: 'G', bounding: [0, 0, 100, 100], color: '#a1309b', font_size: 24, flags: { pinned: true }, z: 1 },
    ],
    extra: { ds: { scale: 0.5, offset: [7, 8] }, reroutes: [{ id: 1, pos: [0, 0], linkIds: [] }], free: 'x' },
    definitions: { subgraphs: [{ id: 'u', version: 1, nodes: [] }] },
    models: [{ name: 'm' }],
    unknown_key: { deep: [null, true] },
  })

  it('keeps every unknown key', () => {
    const out = exportV04(importFile(file).graph, definitions)
    for (const key of ['id', 'revision', 'groups', 'extra', 'definitions', 'models', 'unknown_key', 'config']) {
      expect(out[key]).toEqual(file[key])
    }
    expect(exportedNode(file, 3)).toMatchObject({
      pos: [10, 20],
      size: [320, 262],
      flags: { collapsed: true, custom: 1 },
      title: 'Mine',
      color: '#322',
      shape: 2,
      mine: { a: [1, SEED] },
      properties: { cnr_id: 'comfy-core', own: true },
    })
  })

  it('is the same after a second round', () => {
    const once = exportV04(importFile(file).graph, definitions)
    expect(exportV04(importFile(once).graph, definitions)).toEqual(once)
  })

  it('survives the document', () => {
    const once = exportV04(importFile(file).graph, definitions)
    const document = EditorDocument.fromGraph(importFile(file).graph, definitions)
    expect(exportV04(document.toGraph(), definitions)).toEqual(once)
  })

  it('keeps nodes of unknown classes whole', () => {
    const unknown = savedNode('x1', 'Nobody', [['a', 'IMAGE', null]], [['out', 'MASK']], {
      widgets_values: [SEED, 'text'],
      widgets_values_named: { n: SEED },
    })
    const whole = savedWorkflow([unknown])
    const result = importFile(whole)
    expect(result.warnings).toMatchObject([{ node: 'x1', code: 'unknown-class' }])
    const [out] = exportV04(result.graph, definitions)['nodes'] as JsonObject[]
    expect(out).toEqual({ ...unknown, outputs: [{ name: 'out', type: 'MASK', links: null, slot_index: 0 }] })
  })

  it('reads notes and reroutes', () => {
    const note = savedNode(1, 'Note', [], [], { widgets_values: ['hello'] })
    const reroute = savedNode(2, 'Reroute', [['', '*']], [['', '*']], { properties: { showOutputText: false } })
    const whole = savedWorkflow([note, reroute])
    expect(node(whole, '1').widgets).toEqual({ text: 'hello' })
    expect(exportedNode(whole, 2)).toMatchObject({
      properties: { showOutputText: false },
      inputs: [{ name: '', type: '*' }],
    })
    expect(importFile(whole).warnings).toEqual([])
  })

  it('leaves out what is no node, and says so', () => {
    const { graph, warnings } = importFile(savedWorkflow([odd, odd, null as never, { id: 9 }]))
    expect(graph.nodes).toHaveLength(1)
    expect(warnings.map((warning) => warning.code)).toEqual(['node-dropped', 'node-dropped', 'node-dropped'])
  })

  it('reads the bare NaN that Python writes', () => {
    const text =
      '{"nodes":[{"id":1,"type":"Note","pos":[NaN,1],"widgets_values":["x"]}],"links":[],"version":0.4,"extra":{"v":NaN}}'
    expect(importText(text, definitions).graph.nodes[0]).toMatchObject({ pos: [0, 0], widgets: { text: 'x' } })
  })

  it('never gives an id out again', () => {
    const { graph } = importFile(savedWorkflow([odd], [], { last_node_id: 1 }))
    expect(graph.lastNodeId).toBe(3)
  })
})

describe('v1', () => {
  it('becomes v0.4', () => {
    const load = savedNode(1, 'LoadImage', [], [['IMAGE', 'IMAGE', [4]]], { widgets_values: ['a.png', 'image'] })
    const scale = savedNode(2, 'ImageScale', [['image', 'IMAGE', 4]], [['IMAGE', 'IMAGE']], {
      widgets_values: ['area', 64, 'center'],
    })
    const file: Json = {
      version: 1,
      state: { lastGroupid: 0, lastNodeId: 12, lastLinkId: 4, lastRerouteId: 1 },
      nodes: [load, scale],
      links: [{ id: 4, origin_id: 1, origin_slot: 0, target_id: 2, target_slot: 0, type: 'IMAGE', parentId: 1 }],
      reroutes: [{ id: 1, pos: [1, 2], linkIds: [4] }],
      extra: { own: 1 },
    }
    const out = exportV04(importWorkflow(file, definitions).graph, definitions)
    expect(out).toMatchObject({
      version: 0.4,
      last_node_id: 12,
      last_link_id: 4,
      links: [[4, 1, 0, 2, 0, 'IMAGE']],
      extra: { own: 1, reroutes: [{ id: 1 }], linkExtensions: [{ id: 4, parentId: 1 }] },
    })
    expect(out).not.toHaveProperty('state')
    expect(out).not.toHaveProperty('reroutes')
  })
})

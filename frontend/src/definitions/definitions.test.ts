import { describe, expect, it } from 'vitest'
import { makeNode, type JsonObject } from '../graph/model'
import { testDefinitions } from '../test/class-source'
import { findOption } from './combo'
import { defaultSize, layoutNode, TITLE_HEIGHT } from './layout'
import { readObjectInfo } from './object-info'
import type { NodeDefinition } from './types'
import { definitionForNode } from './for-node'

const definitions = testDefinitions()
const get = (name: string): NodeDefinition => definitions.get(name) as NodeDefinition

function definitionWith(required: JsonObject): NodeDefinition {
  return readObjectInfo({ N: { input: { required }, output: [] } }).get('N') as NodeDefinition
}

describe('object_info', () => {
  it('puts widgets into the order of saved files', () => {
    expect(get('KSampler').widgets.map((widget) => widget.name)).toEqual([
      'seed',
      'seed/control',
      'steps',
      'cfg',
      'sampler_name',
      'scheduler',
      'denoise',
    ])
    expect(get('LoadImage').widgets.map((widget) => widget.name)).toEqual(['image', 'image/upload'])
    expect(get('PickCombo').widgets.map((widget) => widget.name)).toEqual(['choice', 'choice/control', 'choice/filter'])
  })

  it('keeps the bounds of 64-bit seeds', () => {
    expect(get('KSampler').inputs[1]?.widget?.spec).toMatchObject({
      kind: 'int',
      max: 18446744073709551615n,
      control: 'randomize',
    })
  })

  it('reads combos of both generations', () => {
    expect(get('ImageScale').inputs.map((input) => input.widget?.spec.kind)).toEqual([
      undefined,
      'combo',
      'int',
      'combo',
    ])
    expect(get('ImageScale').inputs[1]?.widget?.spec).toMatchObject({
      options: ['nearest', 'area'],
      default: 'nearest',
    })
  })

  it('reads colours as text and as number, and offers what is listed twice once', () => {
    const [definition] = readObjectInfo({
      N: {
        input: {
          required: {
            a: ['COLOR', { default: '#010203' }],
            b: ['COLOR'],
            c: ['INT', { display: 'color', max: 0xffffff }],
            d: [['x', 'y', 'x', 1, '1']],
          },
        },
      },
    }).all()
    expect(definition?.inputs.map((input) => input.widget?.spec)).toMatchObject([
      { kind: 'colour', default: '#010203' },
      { kind: 'colour', default: '#ffffff' },
      { kind: 'int', colour: true },
      { options: ['x', 'y', 1, '1'] },
    ])
  })

  it('follows the declared order, tolerates missing ranges, and treats forced inputs as sockets', () => {
    const [definition] = readObjectInfo({
      N: {
        input: {
          required: { b: ['FLOAT', { max: null, min: null, default: 1 }], a: ['STRING', { forceInput: true }] },
          optional: { c: ['MASK'] },
        },
        input_order: { required: ['a', 'b'] },
        output: ['IMAGE', ['x', 'y']],
        output_name: ['pic', 'choice'],
        output_is_list: [false, true],
        display_name: null,
        search_aliases: ['other'],
      },
    }).all()
    expect(definition?.inputs.map(({ name, kind, optional }) => [name, kind, optional])).toEqual([
      ['a', 'socket', false],
      ['b', 'widget', false],
      ['c', 'socket', true],
    ])
    expect(definition?.inputs[1]?.widget?.spec).toMatchObject({ min: -Infinity, max: Infinity })
    expect(definition?.outputs).toMatchObject([
      { name: 'pic', type: 'IMAGE', isList: false },
      { name: 'choice', type: 'COMBO', isList: true },
    ])
    expect(definition?.displayName).toBe('N')
  })

  it('names what it cannot read', () => {
    const read = readObjectInfo({ Bad: 5, Worse: { input: 'x' }, Good: { input: {}, output: [] } })
    expect([read.skipped, read.size]).toEqual([['Bad', 'Worse'], 1])
    expect(readObjectInfo('nonsense').size).toBe(0)
  })

  it('makes placeholders of what was saved', () => {
    const node = makeNode({
      id: '1',
      classType: 'Nobody',
      inputs: [{ name: 'a', type: 'IMAGE' }],
      outputs: [{ name: 'o', type: 'MASK' }],
    })
    expect(definitionForNode(node, definitions)).toMatchObject({
      origin: 'placeholder',
      inputs: [{ name: 'a', type: 'IMAGE', kind: 'socket' }],
      outputs: [{ name: 'o', type: 'MASK', index: 0 }],
    })
    expect(definitionForNode(node, definitions)).toBe(definitionForNode(node, definitions))
  })
})

describe('layout', () => {
  const open = { size: null, collapsed: false }

  it.each(definitions.all().map((definition) => [definition.classType, definition] as const))(
    'has room for everything on %s',
    (_name, definition) => {
      const layout = layoutNode(definition, open)
      let y = TITLE_HEIGHT
      for (const row of layout.rows) {
        expect(row.y).toBeGreaterThanOrEqual(y)
        y = row.y + row.height
      }
      expect(layout.media.y).toBeGreaterThanOrEqual(y - (layout.rows.length > 0 ? 0 : TITLE_HEIGHT))
      expect(layout.media.y + layout.media.height).toBeLessThanOrEqual(layout.height)
      expect(y).toBeLessThanOrEqual(layout.height)
      expect(new Set(layout.handles.map((handle) => handle.id)).size).toBe(layout.handles.length)
      for (const handle of layout.handles) {
        expect([0, layout.width]).toContain(handle.x)
        expect(handle.y).toBeGreaterThan(TITLE_HEIGHT)
        expect(handle.y).toBeLessThan(layout.height)
      }
    },
  )

  it('gives every linkable input a handle', () => {
    const ids = layoutNode(get('KSampler'), open).handles.map((handle) => handle.id)
    expect(ids).toEqual([
      'in:model',
      'in:positive',
      'in:negative',
      'in:latent_image',
      'in:seed',
      'in:steps',
      'in:cfg',
      'in:sampler_name',
      'in:scheduler',
      'in:denoise',
      'out:0',
    ])
    const collapsed = layoutNode(get('KSampler'), { size: null, collapsed: true })
    expect(collapsed.handles).toHaveLength(ids.length)
    expect(collapsed.height).toBe(TITLE_HEIGHT)
  })

  it('is the same object for the same size, and never smaller than its content', () => {
    const small = layoutNode(get('KSampler'), { size: [10, 10], collapsed: false })
    expect(small).toBe(layoutNode(get('KSampler'), { size: [10, 10], collapsed: false }))
    expect(small.height).toBe(small.minHeight)
    expect(small.width).toBe(small.minWidth)
    expect(defaultSize(get('KSampler'))[1]).toBe(small.minHeight - TITLE_HEIGHT)
  })

  it('leaves the longest label whole while the controls keep room, and names each of several texts', () => {
    const long = definitionWith({
      return_with_leftover_noise: [['enable', 'disable']],
      text_g: ['STRING', { multiline: true }],
      text_l: ['STRING', { multiline: true }],
    })
    const fresh = layoutNode(long, open)
    expect(fresh.labelWidth).toBeGreaterThanOrEqual(26 * 7)
    expect(fresh.width - fresh.labelWidth).toBeGreaterThanOrEqual(150)
    expect(layoutNode(long, { size: [210, 100], collapsed: false }).labelWidth).toBeLessThan(100)
    expect(fresh.rows.map((row) => row.captioned)).toEqual([false, true, true])
    expect(layoutNode(get('CLIPTextEncode'), open).rows.map((row) => row.captioned)).toEqual([false])
  })

  it('keeps room for a seed at the width that saved files use', () => {
    const { width, labelWidth } = layoutNode(get('KSampler'), { size: [290, 200], collapsed: false })
    expect(width - labelWidth - 30).toBeGreaterThanOrEqual(16 * 7.2 + 18)
  })

  it('gives spare height to text areas and pictures', () => {
    const text = layoutNode(get('CLIPTextEncode'), { size: [400, 500], collapsed: false })
    expect(text.height).toBe(530)
    expect(text.rows[0]?.height).toBeGreaterThan(400)
    const image = layoutNode(get('SaveImage'), { size: [300, 700], collapsed: false })
    expect(image.media.height).toBeGreaterThan(500)
  })
})

describe('combo values', () => {
  it('mean the same with either slash', () => {
    expect(findOption(['a/b.safetensors', 'c'], 'a\\b.safetensors')).toBe('a/b.safetensors')
    expect(findOption(['c', 3], 3)).toBe(3)
    expect(findOption(['c'], 'd')).toBeUndefined()
  })
})

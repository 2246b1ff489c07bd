import { describe, expect, it } from 'vitest'
import { applyControls, planRun } from '../../document/run'
import { emptyDocument, type EditorDocument } from '../../document/editor-document'
import { importWorkflow } from '../../formats/recognise'
import { stringifyLossless } from '../../formats/lossless-json'
import { testDefinitions } from '../../test/class-source'
import seedWorkflow from '../../test/fixtures/seed-workflow-api.json'
import { savedNode, savedWorkflow } from '../../test/v04-builder'
import { NodeMode, type JsonObject } from '../model'
import { compile, type CompileOptions } from './compile'
import { nextValue } from './seed-control'
import { formatDate, replaceVariables, resolveChoices } from './text'

const definitions = testDefinitions()
const SEED = 18446744073709551615n

/** Runs a little program on a new document, and gives the compiled inputs by node id. */
function build(
  make: (document: EditorDocument, link: (from: string, slot: number, to: string, input: string) => void) => void,
) {
  const document = emptyDocument(definitions)
  make(document, (source, sourceSlot, target, targetInput) => {
    const verdict = document.connect({ source, sourceSlot, target, targetInput })
    if (!verdict.ok) throw new Error(verdict.reason)
  })
  return document
}

function run(document: EditorDocument, options: CompileOptions = {}): Record<string, JsonObject> {
  const compiled = compile(document.toGraph(), definitions, options)
  if (!compiled.ok) throw new Error(compiled.blockers.map((blocker) => blocker.message).join())
  return Object.fromEntries(
    Object.entries(compiled.prompt).map(([id, entry]) => [id, (entry as JsonObject)['inputs'] as JsonObject]),
  )
}

describe('compile', () => {
  it('gives an imported API workflow back', () => {
    const { graph } = importWorkflow(seedWorkflow, definitions)
    const compiled = compile(graph, definitions)
    expect(compiled).toEqual({ ok: true, prompt: seedWorkflow })
  })

  it('keeps every digit of a seed, and sends neither control entries nor buttons', () => {
    const document = build((made) => {
      made.setWidget(made.addNode('KSampler', [0, 0]), 'seed', SEED)
      made.addNode('LoadImage', [0, 0])
    })
    const inputs = run(document)
    expect(Object.keys(inputs['1'] ?? {})).toEqual(['seed', 'steps', 'cfg', 'sampler_name', 'scheduler', 'denoise'])
    expect(inputs['2']).toEqual({ image: 'a.png' })
    const plan = planRun(document, '1.0')
    expect(plan.ok && stringifyLossless(plan.prompt)).toContain('"seed":18446744073709551615')
    expect(plan.ok && stringifyLossless(plan.workflow)).toContain('"seed":18446744073709551615')
    expect(plan.ok && plan.workflow['extra']).toEqual({ frontendVersion: '1.0' })
  })

  it('goes through chains of reroutes, and leaves them and notes out', () => {
    const document = build((made, link) => {
      const load = made.addNode('LoadImage', [0, 0])
      const first = made.addNode('Reroute', [0, 0])
      const second = made.addNode('Reroute', [0, 0])
      const scale = made.addNode('ImageScale', [0, 0])
      made.addNode('Note', [0, 0])
      link(load, 0, first, '')
      link(first, 0, second, '')
      link(second, 0, scale, 'image')
    })
    expect(Object.keys(run(document))).toEqual(['1', '4'])
    expect(run(document)['4']).toMatchObject({ image: ['1', 0] })
    expect(document.getTopology().links.map((link) => link.type)).toEqual(['IMAGE', 'IMAGE', 'IMAGE'])
  })

  it('drops the input behind a reroute that nothing enters', () => {
    const document = build((made, link) => {
      link(made.addNode('Reroute', [0, 0]), 0, made.addNode('ImageScale', [0, 0]), 'image')
    })
    expect(run(document)['2']).not.toHaveProperty('image')
  })

  it('drops a required input that a muted node feeds', () => {
    const document = build((made, link) => {
      const load = made.addNode('LoadImage', [0, 0])
      link(load, 0, made.addNode('ImageScale', [0, 0]), 'image')
      made.setMode([load], NodeMode.mute)
    })
    expect(run(document)).toEqual({ 2: { upscale_method: 'nearest', width: 512, crop: 'disabled' } })
  })

  it('passes a bypassed sampler from latent to latent', () => {
    const document = build((made, link) => {
      const empty = made.addNode('EmptyLatentImage', [0, 0])
      const sampler = made.addNode('KSampler', [0, 0])
      const decode = made.addNode('VAEDecode', [0, 0])
      link(empty, 0, sampler, 'latent_image')
      link(sampler, 0, decode, 'samples')
      made.setMode([sampler], NodeMode.bypass)
    })
    expect(run(document)).toMatchObject({ 3: { samples: ['1', 0] } })
    expect(run(document)).not.toHaveProperty('2')
  })

  it('prefers the input with the same index when a node is bypassed', () => {
    const document = build((made, link) => {
      const [a, b] = [made.addNode('LoadImage', [0, 0]), made.addNode('LoadImage', [0, 0])]
      const blend = made.addNode('ImageBlend', [0, 0])
      const scale = made.addNode('ImageScale', [0, 0])
      link(a, 0, blend, 'image1')
      link(b, 0, blend, 'image2')
      link(blend, 0, scale, 'image')
      made.setMode([blend], NodeMode.bypass)
    })
    expect(run(document)['4']).toMatchObject({ image: ['1', 0] })
  })

  it('finds the type when indices do not agree, and nothing when no type fits', () => {
    const swapped = build((made, link) => {
      const load = made.addNode('LoadImage', [0, 0])
      const swap = made.addNode('Swap', [0, 0])
      const scale = made.addNode('ImageScale', [0, 0])
      link(load, 1, swap, 'mask')
      link(load, 0, swap, 'image')
      link(swap, 0, scale, 'image')
      made.setMode([swap], NodeMode.bypass)
    })
    expect(run(swapped)['3']).toMatchObject({ image: ['1', 0] })
    const hopeless = build((made, link) => {
      const loader = made.addNode('CheckpointLoaderSimple', [0, 0])
      const text = made.addNode('CLIPTextEncode', [0, 0])
      link(loader, 1, text, 'clip')
      made.setMode([loader], NodeMode.bypass)
    })
    expect(run(hopeless)['2']).toEqual({ text: '' })
  })

  it('lets a primitive overwrite what it is connected to', () => {
    const document = build((made, link) => {
      const sampler = made.addNode('KSampler', [0, 0])
      const primitive = made.addNode('PrimitiveNode', [0, 0])
      link(primitive, 0, sampler, 'seed')
      made.setWidget(primitive, 'value', SEED)
    })
    expect(run(document)).toMatchObject({ 1: { seed: SEED, steps: 20 } })
    expect(document.getWidget('1', 'seed')).toBe(0)
  })

  it('wraps lists, which would look like links', () => {
    const document = build((made) => {
      made.addNode('ListTaker', [0, 0])
      made.setWidget('1', 'values', [1, 2])
    })
    expect(run(document)['1']).toEqual({ values: { __type__: 'CURVE', __value__: [1, 2] } })
  })

  it('blocks on classes nobody knows, lists them, and can leave them out', () => {
    const unknown = savedNode(1, 'Nobody', [], [['IMAGE', 'IMAGE', [1]]])
    const scale = savedNode(2, 'ImageScale', [['image', 'IMAGE', 1]], [['IMAGE', 'IMAGE']], {
      widgets_values: ['area', 64, 'center'],
    })
    const { graph } = importWorkflow(savedWorkflow([unknown, scale], [[1, 1, 0, 2, 0, 'IMAGE']]), definitions)
    expect(compile(graph, definitions)).toMatchObject({
      ok: false,
      blockers: [{ node: '1', code: 'unknown-class', classType: 'Nobody' }],
    })
    expect(compile(graph, definitions, { withoutUnknown: true })).toMatchObject({
      prompt: { 2: { inputs: { upscale_method: 'area', width: 64, crop: 'center' } } },
    })
  })

  it('names the circle that reroutes of a damaged file make', () => {
    const reroute = (id: number, link: number) => savedNode(id, 'Reroute', [['', '*', link]], [['', '*']])
    const scale = savedNode(3, 'ImageScale', [['image', 'IMAGE', 3]], [], { widgets_values: ['area', 64, 'center'] })
    const { graph } = importWorkflow(
      savedWorkflow(
        [reroute(1, 2), reroute(2, 1), scale],
        [
          [1, 1, 0, 2, 0, '*'],
          [2, 2, 0, 1, 0, '*'],
          [3, 1, 0, 3, 0, '*'],
        ],
      ),
      definitions,
    )
    const compiled = compile(graph, definitions)
    expect(compiled).toMatchObject({ ok: false, blockers: [{ node: '3', code: 'cycle' }] })
    expect(!compiled.ok && compiled.blockers[0]?.message).toContain('1 -> 2 -> 1')
  })

  it('resolves choices in the prompt and keeps them in the document', () => {
    const document = build((made) => {
      made.addNode('CLIPTextEncode', [0, 0])
      made.setWidget('1', 'text', 'a {red|blue} cat // note')
    })
    expect(run(document, { random: () => 0.9 })['1']).toEqual({ text: 'a blue cat ' })
    const plan = planRun(document, '1', { random: () => 0 })
    expect(plan.ok && stringifyLossless(plan.workflow)).toContain('a {red|blue} cat // note')
  })

  it('fills variables into file names', () => {
    const document = build((made) => {
      made.addNode('KSampler', [0, 0])
      made.setWidget('1', 'seed', SEED)
      made.addNode('SaveImage', [0, 0], { widgets: { filename_prefix: '%date:yyyy-MM-dd%/%KSampler.seed%_%width%' } })
    })
    expect(run(document, { now: new Date(2026, 0, 5) })['2']).toEqual({
      filename_prefix: `2026-01-05/${SEED.toString()}_%width%`,
    })
  })

  it('compiles a thousand nodes quickly', () => {
    const { graph } = importWorkflow(seedWorkflow, definitions)
    const nodes = Array.from({ length: 150 }, (_, at) =>
      graph.nodes.map((node) => ({ ...node, id: `${at}_${node.id}` })),
    ).flat()
    const links = Array.from({ length: 150 }, (_, at) =>
      graph.links.map((link) => ({
        ...link,
        id: at * 100 + link.id,
        source: `${at}_${link.source}`,
        target: `${at}_${link.target}`,
      })),
    ).flat()
    const start = performance.now()
    const compiled = compile({ ...graph, nodes, links }, definitions)
    expect(performance.now() - start).toBeLessThan(3000)
    expect(compiled.ok && Object.keys(compiled.prompt)).toHaveLength(1050)
  })
})

describe('texts', () => {
  it.each([
    ['{a|b|{c|d}}', 0.99, 'd'],
    ['{a|b|{c|d}}', 0, 'a'],
    ['x /* y */ z', 0, 'x  z'],
    ['\\{a|b\\}', 0, '\\{a|b\\}'],
    ['{a\\|b|c}', 0, 'a\\|b'],
    ['{open', 0, '{open'],
    ['(x:1.2) \\(y\\)', 0, '(x:1.2) \\(y\\)'],
  ])('%s', (text, random, expected) => expect(resolveChoices(text, () => random)).toBe(expected))

  it('formats dates and cleans values for file names', () => {
    expect(formatDate('yy-M-d hh:mm:ss', new Date(2026, 10, 3, 4, 5, 6))).toBe('26-11-3 04:05:06')
    expect(replaceVariables('%a.b% %c.d% 100%', (node) => (node === 'a' ? 'x/y:z' : undefined), new Date())).toBe(
      'x_y_z %c.d% 100%',
    )
  })
})

describe('control after generate', () => {
  const int = { kind: 'int', default: 0, min: 0, max: SEED, step: 1, control: 'randomize', colour: false } as const
  const combo = { kind: 'combo', default: 'a', options: ['a', 'b', 'c'], upload: null, control: 'fixed' } as const

  it.each([
    [int, 5, 'fixed', undefined],
    [int, 5, 'increment', 6],
    [int, 0, 'decrement', 0],
    [int, SEED, 'increment', SEED],
    [int, SEED, 'decrement', SEED - 1n],
    [int, Number.MAX_SAFE_INTEGER, 'increment', 9007199254740992n],
    [{ ...int, min: 10, max: 20, step: 5 }, 10, 'increment', 15],
    [combo, 'c', 'increment', 'c'],
    [combo, 'c', 'increment-wrap', 'a'],
    [combo, 'a', 'decrement', 'a'],
  ] as const)('%o %s %s', (spec, value, mode, expected) => {
    expect(nextValue(spec, value, mode, () => 0.5)).toEqual(expected)
  })

  it('draws whole steps between the bounds, and never more than 2^50', () => {
    expect(nextValue(int, 0, 'randomize', () => 1 - 2 ** -53)).toBeLessThanOrEqual(2 ** 50)
    expect(nextValue(int, 0, 'randomize', () => 0)).toBe(0)
    expect(nextValue({ ...int, min: 16, max: 64, step: 8 }, 0, 'randomize', () => 0.5)).toBe(40)
  })

  it('draws only from options that the filter lets through', () => {
    expect(nextValue(combo, 'a', 'randomize', () => 0, '/[bc]/')).toBe('b')
    expect(nextValue(combo, 'a', 'increment', () => 0, 'C')).toBe('c')
  })

  it('gives the next seed after a run without an undo step, unless a link feeds it', () => {
    const document = build((made, link) => {
      made.addNode('KSampler', [0, 0])
      made.addNode('KSampler', [0, 0])
      link(made.addNode('PrimitiveNode', [0, 0]), 0, '2', 'seed')
      made.setWidget('3', 'value/control', 'increment')
    })
    const before = document.getHistory()
    applyControls(document, () => 0.25)
    expect(document.getWidget('1', 'seed')).toBe(2 ** 48)
    expect(document.getWidget('2', 'seed')).toBe(0)
    expect(document.getWidget('3', 'value')).toBe(1)
    expect(document.getHistory()).toEqual(before)
  })
})

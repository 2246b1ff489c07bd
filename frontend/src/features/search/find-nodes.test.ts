import { describe, expect, it } from 'vitest'
import { readObjectInfo } from '@/definitions/object-info'
import { NodeFinder } from '@/features/search/find-nodes'

const entry = (display_name: string, category: string, inputs: Record<string, string>, output: string[]) => ({
  display_name,
  category,
  input: { required: Object.fromEntries(Object.entries(inputs).map(([name, type]) => [name, [type]])) },
  output,
})

const definitions = readObjectInfo({
  KSampler: entry('KSampler', 'sampling', { model: 'MODEL', latent_image: 'LATENT', steps: 'INT' }, ['LATENT']),
  KSamplerAdvanced: entry('KSampler (Advanced)', 'sampling', { model: 'MODEL', latent_image: 'LATENT' }, ['LATENT']),
  CheckpointLoaderSimple: entry('Load Checkpoint', 'loaders', { ckpt_name: 'COMBO' }, ['MODEL', 'CLIP', 'VAE']),
  VAEDecode: entry('VAE Decode', 'latent', { samples: 'LATENT', vae: 'VAE' }, ['IMAGE']),
  SaveImage: entry('Save Image', 'image', { images: 'IMAGE' }, []),
}).all()
const finder = new NodeFinder(definitions)
const old = { ...entry('Sampler (old)', 'sampling', { model: 'MODEL' }, ['LATENT']), deprecated: true }
const waiting = { ...entry('Sample Flux', 'sampling', { model: 'MODEL' }, ['LATENT']), unsupported_family: 'Flux' }
const mixed = new NodeFinder([...readObjectInfo({ OldSampler: old, SampleFlux: waiting }).all(), ...definitions])
const names = (text: string, wire: Parameters<NodeFinder['find']>[1] = null, used: Record<string, number> = {}) =>
  finder.find(text, wire, used).map((found) => found.classType)

describe('NodeFinder', () => {
  it('puts the exact name first', () => {
    expect(names('ksampler')).toEqual(['KSampler', 'KSamplerAdvanced'])
  })

  it('finds by class name, word, typing mistake and initials', () => {
    expect(names('checkpointloader')).toEqual(['CheckpointLoaderSimple'])
    expect(names('decode')[0]).toBe('VAEDecode')
    expect(names('ksmapler')[0]).toBe('KSampler')
    expect(names('lc')).toContain('CheckpointLoaderSimple')
  })

  it('offers only classes that take a dropped wire', () => {
    expect(names('', { side: 'output', type: 'IMAGE' })).toEqual(['SaveImage'])
    expect(names('', { side: 'input', type: 'VAE' })).toEqual(['CheckpointLoaderSimple'])
    expect(names('save', { side: 'output', type: 'LATENT' })).toEqual([])
  })

  it('ranks by use when nothing is typed', () => {
    expect(names('', null, { SaveImage: 3, VAEDecode: 1 }).slice(0, 2)).toEqual(['SaveImage', 'VAEDecode'])
  })

  it('offers deprecated classes to those only who type their name, and after all others', () => {
    const found = (text: string) => mixed.find(text, null, {}).map((definition) => definition.classType)
    expect(found('')).not.toContain('OldSampler')
    expect(found('sampling')).not.toContain('OldSampler')
    expect(found('sampler').at(-1)).toBe('OldSampler')
    expect(found('oldsampler')[0]).toBe('OldSampler')
    expect(mixed.find('', { side: 'output', type: 'MODEL' }, { OldSampler: 9 })).toHaveLength(3)
  })

  it('puts classes that cannot run yet behind others that are as like', () => {
    const found = (text: string) => mixed.find(text, null, {}).map((definition) => definition.classType)
    expect(found('').at(-1)).toBe('SampleFlux')
    expect(found('sample flux')[0]).toBe('SampleFlux')
    expect(found('sam').slice(0, 2)).not.toContain('OldSampler')
  })

  it('stops at the limit', () => {
    expect(finder.find('', null, {}, 2)).toHaveLength(2)
  })
})

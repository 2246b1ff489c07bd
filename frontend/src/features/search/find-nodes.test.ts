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

  it('stops at the limit', () => {
    expect(finder.find('', null, {}, 2)).toHaveLength(2)
  })
})

// @vitest-environment node
import { deflateSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { testDefinitions } from '../../test/class-source'
import { savedSampler, savedWorkflow } from '../../test/v04-builder'
import { openFile } from '../open-file'
import { INFLATED_LIMIT, readPngTexts } from './png'

const ascii = (text: string): number[] => [...new TextEncoder().encode(text)]
const uint32 = (value: number): number[] => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]

function chunk(type: string, data: Iterable<number>, length?: number): number[] {
  const bytes = [...data]
  return [...uint32(length ?? bytes.length), ...ascii(type), ...bytes, 0, 0, 0, 0]
}

const png = (...parts: number[][]): Uint8Array<ArrayBuffer> =>
  new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, ...parts.flat(), ...chunk('IEND', [])])

const iTXt = (key: string, text: Iterable<number>, compressed: 0 | 1) =>
  chunk('iTXt', [...ascii(key), 0, compressed, 0, ...ascii('en'), 0, 0, ...text])

describe('PNG texts', () => {
  it('are read from all kinds of chunks', async () => {
    const texts = await readPngTexts(
      png(
        chunk('tEXt', ascii('prompt\0{"a":1}')),
        iTXt('workflow', ascii('{"b":"ä"}'), 0),
        iTXt('packed', deflateSync('{"c":3}'), 1),
        chunk('zTXt', [...ascii('old'), 0, 0, ...deflateSync('zipped')]),
        chunk('IDAT', [1, 2, 3]),
        chunk('comf', ascii('frames\0{"d":4}')),
      ),
    )
    expect(Object.fromEntries(texts)).toEqual({
      prompt: '{"a":1}',
      workflow: '{"b":"ä"}',
      packed: '{"c":3}',
      old: 'zipped',
      frames: '{"d":4}',
    })
  })

  it('stop growing at the limit', async () => {
    const bomb = deflateSync(Buffer.alloc(INFLATED_LIMIT + 1))
    expect(bomb.length).toBeLessThan(20_000)
    const half = deflateSync(Buffer.alloc(INFLATED_LIMIT / 2 + 1, 97))
    const texts = await readPngTexts(
      png(iTXt('one', half, 1), iTXt('two', half, 1), iTXt('bomb', bomb, 1), chunk('tEXt', ascii('prompt\0{}'))),
    )
    expect([...texts.keys()]).toEqual(['one', 'prompt'])
  })

  it('ignore what is damaged', async () => {
    expect([...(await readPngTexts(png(iTXt('x', [1, 2, 3], 1), chunk('tEXt', ascii('nokey')))))]).toEqual([])
    expect([...(await readPngTexts(png(chunk('tEXt', ascii('a\0b'), 0xffffffff))))]).toEqual([])
    expect([...(await readPngTexts(new Uint8Array([1, 2, 3])))]).toEqual([])
  })
})

describe('openFile', () => {
  const definitions = testDefinitions()
  const workflow = JSON.stringify(savedWorkflow([savedSampler([5, 'fixed', 30, 7.5, 'heun', 'karras', 0.6])]))
  const prompt = '{"1":{"class_type":"LoadImage","inputs":{"image":"a.png"}}}'

  it('prefers the workflow of a picture, and falls back to its prompt', async () => {
    const both = png(chunk('tEXt', ascii(`prompt\0${prompt}`)), chunk('tEXt', ascii(`workflow\0${workflow}`)))
    expect((await openFile(new Blob([both]), definitions)).graph.nodes[0]?.classType).toBe('KSampler')
    const broken = png(chunk('tEXt', ascii(`prompt\0${prompt}`)), chunk('tEXt', ascii('workflow\0{"nodes":')))
    expect((await openFile(new Blob([broken]), definitions)).graph.nodes[0]?.classType).toBe('LoadImage')
  })

  it('says what is wrong', async () => {
    await expect(openFile(new Blob([png()]), definitions)).rejects.toThrow('This picture carries no workflow.')
    await expect(openFile(new Blob(['x'], { type: 'image/jpeg' }), definitions)).rejects.toThrow(/no workflow/)
    await expect(openFile(new Blob(['{"a":']), definitions)).rejects.toThrow(/not JSON/)
  })
})

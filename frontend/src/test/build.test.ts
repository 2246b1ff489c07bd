import { mkdtempSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sourceHash } from '../../build/release-files'

describe('build stamp', () => {
  let root = ''
  const write = (name: string, text: string) => writeFileSync(path.join(root, name), text)

  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), 'sources-'))
    mkdirSync(path.join(root, 'src', 'deep'), { recursive: true })
    write('src/deep/a.ts', 'one')
    write('package.json', '{}')
  })
  afterEach(() => rmSync(root, { recursive: true }))

  it.each([
    ['the text of a source', () => write('src/deep/a.ts', 'two')],
    ['the name of a source', () => renameSync(path.join(root, 'src/deep/a.ts'), path.join(root, 'src/deep/b.ts'))],
    ['a new source', () => write('src/b.ts', '')],
    ['the list of packages', () => write('package.json', '{"version": "2"}')],
  ])('changes with %s', (_what, change) => {
    const before = sourceHash(root)
    change()
    expect(sourceHash(root)).not.toBe(before)
  })

  it('depends on nothing else', () => {
    const before = sourceHash(root)
    write('notes.txt', 'not a source')
    write('src/deep/a.ts', 'one')
    expect(sourceHash(root)).toBe(before)
  })
})

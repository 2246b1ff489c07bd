/** Vite plugin: adds `licenses.txt` and `build.json` to the built folder; used by vite.config.ts. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import type { Plugin } from 'vite'

const SOURCES = ['src', 'build', 'index.html', 'package.json', 'package-lock.json', 'tsconfig.json', 'vite.config.ts']

/**
 * Emits the third-party notices of every package that reached the bundle, and a stamp with the product's version and
 * the SHA-256 of the front-end's sources, so that a test can tell whether the committed build is the one of these sources.
 */
export function releaseFiles(root: string): Plugin {
  return {
    name: 'release-files',
    apply: 'build',
    generateBundle(_options, bundle) {
      const packages = new Set<string>()
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== 'chunk') continue
        for (const id of chunk.moduleIds) {
          const folder = packageFolder(id)
          if (folder) packages.add(folder)
        }
      }
      packages.add(path.join(root, 'node_modules', 'tailwindcss'))
      this.emitFile({ type: 'asset', fileName: 'licenses.txt', source: notices([...packages]) })
      const { version } = readPackage(root)
      const stamp = { version, sources: sourceHash(root) }
      this.emitFile({ type: 'asset', fileName: 'build.json', source: `${JSON.stringify(stamp, null, 2)}\n` })
    },
  }
}

/** SHA-256 over path and content of every source file, in sorted order. */
export function sourceHash(root: string): string {
  const hash = createHash('sha256')
  for (const file of SOURCES.flatMap((entry) => filesUnder(path.join(root, entry))).sort()) {
    hash.update(path.relative(root, file).split(path.sep).join('/'))
    hash.update('\0')
    hash.update(readFileSync(file))
    hash.update('\0')
  }
  return hash.digest('hex')
}

function filesUnder(entry: string): string[] {
  if (!existsSync(entry)) return []
  if (!statSync(entry).isDirectory()) return [entry]
  return readdirSync(entry).flatMap((name) => filesUnder(path.join(entry, name)))
}

function packageFolder(moduleId: string): string | null {
  const file = moduleId.replace(/^\0/, '').split('?')[0] ?? ''
  const marker = `${path.sep}node_modules${path.sep}`
  const at = file.lastIndexOf(marker)
  if (at < 0) return null
  const parts = file.slice(at + marker.length).split(path.sep)
  const name = parts[0]?.startsWith('@') ? parts.slice(0, 2) : parts.slice(0, 1)
  return path.join(file.slice(0, at), 'node_modules', ...name)
}

function readPackage(folder: string): { name: string; version: string; license?: string } {
  return JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as {
    name: string
    version: string
    license?: string
  }
}

function notices(folders: string[]): string {
  const entries = folders
    .filter((folder) => existsSync(path.join(folder, 'package.json')))
    .map((folder) => ({ folder, ...readPackage(folder) }))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.version < b.version ? -1 : 1))
  const blocks = entries.map(({ folder, name, version, license }) => {
    const file = readdirSync(folder)
      .sort()
      .find((entry) => /^(licen[cs]e|copying)/i.test(entry))
    const text = file ? readFileSync(path.join(folder, file), 'utf8').replace(/\r\n/g, '\n').trim() : ''
    return `${name} ${version}\nLicence: ${license ?? 'see below'}\n\n${text}`.trim()
  })
  return `Third-party software in this web page\n\n${blocks.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`
}

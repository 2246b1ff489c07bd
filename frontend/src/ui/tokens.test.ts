/** Computes the contrast of both themes from tokens.css. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'

const css = readFileSync(path.join(import.meta.dirname, 'tokens.css'), 'utf8')

function theme(name: string): Map<string, string> {
  const block = new RegExp(`\\[data-theme='${name}'\\]\\s*\\{([^}]*)\\}`).exec(css)?.[1] ?? ''
  return new Map([...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})\s*;/g)].map((found) => [found[1]!, found[2]!]))
}

/** Relative luminance, WCAG 2.2. */
function luminance(hex: string): number {
  const channel = (at: number) => {
    const value = parseInt(hex.slice(at, at + 2), 16) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  }
  return 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y)
  return (high! + 0.05) / (low! + 0.05)
}

const surfaces = ['canvas', 'node', 'panel', 'raised', 'raised-hover']

describe.each(['dark', 'light'])('%s theme', (name) => {
  const tokens = theme(name)
  const names = [...tokens.keys()]
  const titles = names.filter((token) => token.startsWith('title-'))
  const slots = names.filter((token) => token.startsWith('slot-'))
  const of = (token: string) => {
    const value = tokens.get(token)
    if (!value) throw new Error(`tokens.css has no --${token} in ${name}`)
    return value
  }

  it('gives the reference contrast of black on white', () => {
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 5)
    expect(contrast('#7c9cff', '#ffffff')).toBeCloseTo(2.6, 1)
  })

  it.each(surfaces.flatMap((surface) => ['text', 'text-2'].map((text) => [text, surface] as const)))(
    'writes %s on %s with at least 4.5:1',
    (text, surface) => {
      expect(contrast(of(text), of(surface))).toBeGreaterThanOrEqual(4.5)
    },
  )

  it.each(titles)('writes node titles on %s with at least 4.5:1', (title) => {
    expect(contrast(of('text'), of(title))).toBeGreaterThanOrEqual(4.5)
    expect(contrast(of('text-2'), of(title))).toBeGreaterThanOrEqual(4.5)
  })

  it.each(['accent', 'accent-hover'])('writes on a %s button with at least 4.5:1', (accent) => {
    expect(contrast(of('on-accent'), of(accent))).toBeGreaterThanOrEqual(4.5)
  })

  it.each(['accent', 'good', 'warning', 'danger'])('writes %s sentences with at least 4.5:1', (colour) => {
    for (const surface of ['canvas', 'node', 'panel', 'raised']) {
      expect(contrast(of(colour), of(surface)), surface).toBeGreaterThanOrEqual(4.5)
    }
    if (colour === 'danger') expect(contrast(of('on-danger'), of('danger'))).toBeGreaterThanOrEqual(4.5)
  })

  it('draws control borders with at least 3:1', () => {
    for (const surface of surfaces) {
      expect(contrast(of('control-border'), of(surface)), surface).toBeGreaterThanOrEqual(3)
    }
  })

  it('has at least twenty slot colours, each with at least 3:1 on node and canvas', () => {
    expect(slots.length).toBeGreaterThanOrEqual(20)
    for (const slot of slots) {
      expect(contrast(of(slot), of('node')), slot).toBeGreaterThanOrEqual(3)
      expect(contrast(of(slot), of('canvas')), slot).toBeGreaterThanOrEqual(3)
    }
  })
})

it('declares the same tokens in both themes', () => {
  expect([...theme('light').keys()].sort()).toEqual([...theme('dark').keys()].sort())
})

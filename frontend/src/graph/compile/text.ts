/** Changes that texts go through on their way into a prompt: choices, comments, dates and values of other widgets. */
import type { Json } from '../model'

/**
 * Resolves `{a|b|{c|d}}` at random (`random` gives 0 <= x < 1) and strips comments. A backslash keeps the next character
 * from meaning anything; both stay in the text. An unclosed brace is an ordinary character.
 */
export function resolveChoices(text: string, random: () => number): string {
  const plain = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
  return readChoices(plain, random)
}

function readChoices(text: string, random: () => number): string {
  let out = ''
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string
    if (character === '\\') out += character + (text[++at] ?? '')
    else if (character === '{') {
      const end = closing(text, at)
      if (end < 0) out += character
      else {
        const options = splitOptions(text.slice(at + 1, end))
        out += readChoices(options[Math.floor(random() * options.length)] ?? '', random)
        at = end
      }
    } else out += character
  }
  return out
}

/** Index of the brace that closes the one at `start`; -1 when there is none. */
function closing(text: string, start: number): number {
  let depth = 0
  for (let at = start; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '{') depth++
    else if (text[at] === '}' && --depth === 0) return at
  }
  return -1
}

function splitOptions(text: string): string[] {
  const options = ['']
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string
    if (character === '|' && depth === 0) {
      options.push('')
      continue
    }
    if (character === '{') depth++
    if (character === '}') depth--
    const escaped = character === '\\' ? character + (text[++at] ?? '') : character
    options[options.length - 1] += escaped
  }
  return options
}

/** Finds a widget's value for `%Node.widget%`; undefined when there is no such node or widget. */
export type WidgetLookup = (node: string, widget: string) => Json | undefined

/**
 * Replaces `%date:yyyy-MM-dd hh-mm-ss%` and `%Node.widget%`. What nobody knows (`%width%`, `%year%`: the server's
 * business) stays as it is. Values lose characters that file names must not have.
 */
export function replaceVariables(text: string, lookup: WidgetLookup, now: Date): string {
  return text.replace(/%([^%]+)%/g, (whole, inner: string) => {
    if (inner.startsWith('date:')) return formatDate(inner.slice(5), now)
    const dot = inner.indexOf('.')
    const value = dot > 0 ? lookup(inner.slice(0, dot), inner.slice(dot + 1)) : undefined
    if (value === undefined || value === null || typeof value === 'object') return whole
    // eslint-disable-next-line no-control-regex -- file names must not hold control characters
    return String(value).replace(/[/?<>\\:*|"\x00-\x1f\x7f]/g, '_')
  })
}

/** Writes a date with `yyyy yy MM M dd d hh h mm m ss s`. */
export function formatDate(pattern: string, date: Date): string {
  const parts: Readonly<Record<string, number>> = {
    M: date.getMonth() + 1,
    d: date.getDate(),
    h: date.getHours(),
    m: date.getMinutes(),
    s: date.getSeconds(),
  }
  return pattern.replace(/yyyy|yy|MM?|dd?|hh?|mm?|ss?/g, (token) => {
    if (token.startsWith('y')) return String(date.getFullYear()).slice(-token.length)
    return String(parts[token[0] as string]).padStart(token.length, '0')
  })
}

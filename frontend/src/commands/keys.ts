/** Key combinations: reading them, comparing them with key events, and writing them for people. */

/** What the modifier keys are called and which one `Mod` is. */
export type Platform = 'mac' | 'other'

/** A combination. `key` is the event's `key` in lower case, or `code:...` for a physical key. */
export interface Combo {
  readonly ctrl: boolean
  readonly meta: boolean
  readonly alt: boolean
  readonly shift: boolean
  readonly key: string
}

/** The fields of a keyboard event that are looked at. */
export type KeyStroke = Pick<KeyboardEvent, 'key' | 'code' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>

/** The platform that the browser runs on. */
export function detectPlatform(name: string = navigator.platform): Platform {
  return /mac|iphone|ipad/i.test(name) ? 'mac' : 'other'
}

/**
 * Reads combinations like `Mod+Shift+Z`, `Alt+C`, `Space`, `?`. `Mod` is Cmd on a Mac and Ctrl elsewhere. Letters mean
 * the letter typed; with Alt (which types other characters on a Mac) the physical key.
 */
export function combosOf(texts: readonly string[], platform: Platform): Combo[] {
  return texts.map((text) => parseCombo(text, platform))
}

function parseCombo(text: string, platform: Platform): Combo {
  const parts = text === '+' ? ['+'] : text.split(/\+(?!$)/)
  const key = (parts.at(-1) ?? '').toLowerCase()
  const modifiers = new Set(parts.slice(0, -1).map((part) => part.toLowerCase()))
  const mod = modifiers.has('mod')
  return {
    ctrl: modifiers.has('ctrl') || (mod && platform === 'other'),
    meta: modifiers.has('meta') || (mod && platform === 'mac'),
    alt: modifiers.has('alt'),
    shift: modifiers.has('shift'),
    key: key === 'space' ? ' ' : key,
  }
}

/** Whether a key event is the combination. */
export function matches(combo: Combo, stroke: KeyStroke): boolean {
  if (combo.ctrl !== stroke.ctrlKey || combo.meta !== stroke.metaKey || combo.alt !== stroke.altKey) return false
  // A character that needs Shift to be typed ("?") brings its Shift along; letters and named keys do not.
  const typedWithShift = combo.key.length === 1 && combo.key !== ' ' && !/[a-z0-9]/.test(combo.key)
  if (!typedWithShift && combo.shift !== stroke.shiftKey) return false
  if (stroke.key.toLowerCase() === combo.key) return true
  return physicalKey(stroke.code) === combo.key && (combo.alt || combo.ctrl || combo.meta || combo.shift)
}

function physicalKey(code: string): string {
  const found = /^(?:Key([A-Z])|Digit(\d))$/.exec(code)
  if (found) return (found[1] ?? found[2] ?? '').toLowerCase()
  return code === 'Backquote' ? '`' : code === 'Comma' ? ',' : code === 'Period' ? '.' : ''
}

const NAMES: Readonly<Record<string, string>> = {
  ' ': 'Space',
  arrowup: '↑',
  arrowdown: '↓',
  arrowleft: '←',
  arrowright: '→',
  enter: 'Enter',
  escape: 'Esc',
  delete: 'Del',
  backspace: 'Backspace',
  tab: 'Tab',
  home: 'Home',
  pageup: 'PgUp',
  pagedown: 'PgDn',
}

/** The combination for tooltips and menus: `Ctrl+Shift+Z`, on a Mac `⇧⌘Z`. */
export function formatCombo(combo: Combo, platform: Platform): string {
  const key = NAMES[combo.key] ?? (/^(.|f\d+)$/.test(combo.key) ? combo.key.toUpperCase() : combo.key)
  if (platform === 'mac') {
    return `${combo.ctrl ? '⌃' : ''}${combo.alt ? '⌥' : ''}${combo.shift ? '⇧' : ''}${combo.meta ? '⌘' : ''}${key}`
  }
  const names = [combo.ctrl && 'Ctrl', combo.meta && 'Meta', combo.alt && 'Alt', combo.shift && 'Shift', key]
  return names.filter((name) => name !== false).join('+')
}

/** True for elements that take typed text: single keys belong to them. */
export function takesText(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement)
    return true
  return target instanceof HTMLInputElement && !['checkbox', 'radio', 'button', 'range', 'color'].includes(target.type)
}

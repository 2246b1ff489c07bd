import { describe, expect, it, vi } from 'vitest'
import { bindingOf, DEFAULT_KEYS, type BoundCommandId } from './default-keys'
import { findCommand, listenForKeys } from './keymap'
import { combosOf, detectPlatform, formatCombo, matches, type KeyStroke } from './keys'
import { CommandRegistry } from './registry'

const stroke = (key: string, held = '', code = ''): KeyStroke => ({
  key,
  code,
  ctrlKey: held.includes('c'),
  metaKey: held.includes('m'),
  altKey: held.includes('a'),
  shiftKey: held.includes('s'),
})

const combo = (text: string, platform: 'mac' | 'other' = 'other') => {
  const [found] = combosOf([text], platform)
  if (!found) throw new Error('no combo')
  return found
}

describe('keys', () => {
  it.each([
    ['Mod+Z', stroke('z', 'c'), true],
    ['Mod+Z', stroke('Z', 'cs'), false],
    ['Mod+Shift+Z', stroke('Z', 'cs'), true],
    ['Mod+Z', stroke('z', 'm'), false],
    ['Alt+C', stroke('ç', 'a', 'KeyC'), true],
    ['Shift+1', stroke('!', 's', 'Digit1'), true],
    ['?', stroke('?', 's', 'Slash'), true],
    ['Space', stroke(' '), true],
    ['M', stroke('m'), true],
    ['M', stroke('M', 's'), false],
    ['Mod+,', stroke(',', 'c', 'Comma'), true],
  ])('%s', (text, given, expected) => expect(matches(combo(text), given)).toBe(expected))

  it('uses Cmd on a Mac', () => {
    expect(matches(combo('Mod+Z', 'mac'), stroke('z', 'm'))).toBe(true)
    expect(formatCombo(combo('Mod+Shift+Z', 'mac'), 'mac')).toBe('⇧⌘Z')
    expect(formatCombo(combo('Mod+Shift+Z'), 'other')).toBe('Ctrl+Shift+Z')
    expect([detectPlatform('MacIntel'), detectPlatform('Linux x86_64')]).toEqual(['mac', 'other'])
  })
})

describe('CommandRegistry', () => {
  const registry = () => {
    const made = new CommandRegistry('other')
    const run = vi.fn()
    made.add(
      { id: 'graph.undo', title: 'Undo', group: 'Edit', run, ...bindingOf('graph.undo') },
      { id: 'graph.delete', title: 'Delete', group: 'Edit', run, ...bindingOf('graph.delete') },
      { id: 'run.queue', title: 'Run', group: 'Run', run, ...bindingOf('run.queue') },
    )
    return { made, run }
  }

  it('runs a command only when its conditions hold', () => {
    const { made, run } = registry()
    expect(made.run('graph.delete')).toBe(false)
    made.setContext({ canvas: true, selection: true })
    expect(made.run('graph.delete')).toBe(true)
    expect(run).toHaveBeenCalledTimes(1)
  })

  it('leaves text fields their own keys, but not those of running', () => {
    const { made } = registry()
    made.setContext({ canvas: true, selection: true })
    expect(findCommand(made, stroke('z', 'c'), true)).toBeNull()
    expect(findCommand(made, stroke('Delete'), true)).toBeNull()
    expect(findCommand(made, stroke('Enter', 'c'), true)?.id).toBe('run.queue')
    expect(findCommand(made, stroke('z', 'c'), false)?.id).toBe('graph.undo')
  })

  it('listens on the page', () => {
    const { made, run } = registry()
    const end = listenForKeys(made, window)
    const event = new KeyboardEvent('keydown', { key: 'Enter', ctrlKey: true, cancelable: true, bubbles: true })
    document.body.dispatchEvent(event)
    end()
    expect(run).toHaveBeenCalledTimes(1)
    expect(event.defaultPrevented).toBe(true)
  })

  it('takes the keys that the person chose', () => {
    const { made } = registry()
    made.setOverrides({ 'graph.undo': ['F9'] })
    expect(findCommand(made, stroke('F9'), false)?.id).toBe('graph.undo')
    expect(findCommand(made, stroke('z', 'c'), false)).toBeNull()
  })

  it('has no two defaults with the same keys under the same conditions', () => {
    const seen = new Map<string, string>()
    for (const id of Object.keys(DEFAULT_KEYS) as BoundCommandId[]) {
      const { keys, when } = bindingOf(id)
      for (const entry of combosOf(keys, 'other')) {
        const key = JSON.stringify([entry, when ?? []])
        expect(seen.get(key)).toBeUndefined()
        seen.set(key, id)
      }
    }
  })
})

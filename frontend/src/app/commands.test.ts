import { describe, expect, it } from 'vitest'
import { commandsOf } from '@/app/commands'
import { DEFAULT_KEYS } from '@/commands/default-keys'
import { CommandRegistry } from '@/commands/registry'
import type { Shared } from '@/features/app'

/** Commands touch nothing until they run: parts that are never called may be missing. */
const commands = commandsOf({ commands: new CommandRegistry('other') } as Shared)

describe('commands', () => {
  it('have different ids, and a title in the table of words', () => {
    expect(new Set(commands.map((command) => command.id)).size).toBe(commands.length)
    for (const command of commands) expect(command.title, command.id).toMatch(/^[A-Z]/)
  })

  it('have default keys that do not fight over the same place', () => {
    const seen = new Map<string, string>()
    for (const { id, keys = [], when = [] } of commands) {
      for (const key of keys) {
        const place = `${key} ${[...when].sort().join()}`
        expect(seen.get(place), `${place}: ${id}`).toBeUndefined()
        seen.set(place, id)
      }
    }
  })

  it('take their keys from the one table', () => {
    for (const id of ['run.queue', 'graph.undo', 'workflow.save'] as const) {
      expect(commands.find((command) => command.id === id)?.keys).toEqual(DEFAULT_KEYS[id].keys)
    }
  })
})

/** Keys of a command as text, for tooltips and menus. */
import { formatCombo } from '@/commands/keys'
import type { CommandRegistry } from '@/commands/registry'

export function keysText(commands: CommandRegistry, id: string): string | undefined {
  const [first] = commands.keysOf(id)
  return first && formatCombo(first, commands.platform)
}

/** Which commands a typed text means, best first; used by the palette. */
import { holds, type Command, type WhenContext } from '@/commands/registry'

/**
 * What makes sense now. That the canvas has no focus does not matter: it is in the palette, and goes to the canvas from
 * there. Second ways to a command (those that need the bare canvas) are left out.
 */
export function offered(commands: readonly Command[], context: WhenContext): Command[] {
  const inPalette = { ...context, canvas: true, covered: false, pane: false }
  return commands.filter((command) => command.id !== 'app.palette' && holds(command.when, inPalette))
}

/** Commands whose title or group has every typed word; titles that begin with the text come first. */
export function rank(commands: readonly Command[], text: string): Command[] {
  const needle = text.trim().toLowerCase()
  const words = needle.split(/\s+/)
  const has = ({ title, group }: Command) => {
    const whole = `${title} ${group}`.toLowerCase()
    return words.every((word) => whole.includes(word))
  }
  return commands.filter(has).sort((a, b) => score(b.title, needle) - score(a.title, needle))
}

function score(title: string, needle: string): number {
  const name = title.toLowerCase()
  if (name === needle) return 4
  if (name.startsWith(needle)) return 3
  if (name.split(/\W+/).some((word) => word.startsWith(needle))) return 2
  return name.includes(needle) ? 1 : 0
}

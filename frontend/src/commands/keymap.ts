/** From a key event to the command it means. */
import { matches, takesText, type KeyStroke } from './keys'
import { holds, type Command, type CommandRegistry } from './registry'

/** The command a stroke means: of those whose conditions hold, the one with the most conditions. */
export function findCommand(registry: CommandRegistry, stroke: KeyStroke, inTextField: boolean): Command | null {
  const context = registry.getContext()
  let best: Command | null = null
  for (const command of registry.all()) {
    if (inTextField && command.inTextFields !== true) continue
    if (!registry.keysOf(command.id).some((combo) => matches(combo, stroke)) || !holds(command.when, context)) continue
    if (!best || (command.when?.length ?? 0) > (best.when?.length ?? 0)) best = command
  }
  return best
}

/** Listens for keys on the page and runs commands; returns what ends it. */
export function listenForKeys(registry: CommandRegistry, target: EventTarget = window): () => void {
  const onKey = (event: Event) => {
    const stroke = event as KeyboardEvent
    if (stroke.defaultPrevented || stroke.isComposing) return
    const command = findCommand(registry, stroke, takesText(stroke.target))
    if (!command) return
    event.preventDefault()
    registry.run(command.id)
  }
  target.addEventListener('keydown', onKey)
  return () => target.removeEventListener('keydown', onKey)
}

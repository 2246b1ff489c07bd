/** All commands of the page by id: what menus, tooltips, the palette and the keyboard run. */
import { combosOf, type Combo, type Platform } from './keys'

/** Facts about the page that decide whether a command may run; the page keeps them up to date. */
export type WhenContext = Readonly<Record<string, boolean>>

/** What the palette and the menus need of a command. */
export interface Command {
  /** For example `graph.undo`; never changes once released, since people bind keys to it. */
  readonly id: string
  readonly title: string
  /** Heading in the palette and the shortcut sheet. */
  readonly group: string
  /** Default keys, written as in {@link combosOf}: `Mod+Shift+Z`. */
  readonly keys?: readonly string[]
  /** Names of the context that must hold; `!name` must not. */
  readonly when?: readonly string[]
  /** Single letters and keys that text fields use never reach a command while a field has the focus. */
  readonly inTextFields?: boolean
  readonly run: () => void | Promise<void>
}

/** Whether all conditions hold; a name that the context lacks counts as false. */
export function holds(when: readonly string[] | undefined, context: WhenContext): boolean {
  return (when ?? []).every((name) => (name.startsWith('!') ? context[name.slice(1)] !== true : context[name] === true))
}

/** Commands, their keys, and the context they look at. */
export class CommandRegistry {
  readonly #commands = new Map<string, Command>()
  readonly #listeners = new Set<() => void>()
  readonly platform: Platform
  #context: WhenContext = {}
  #overrides: Readonly<Record<string, readonly string[]>> = {}
  #list: readonly Command[] | null = null

  constructor(platform: Platform) {
    this.platform = platform
  }

  /** Adds commands; returns what removes them again. An id that is taken already is an error of the program. */
  add(...commands: readonly Command[]): () => void {
    for (const command of commands) {
      if (this.#commands.has(command.id)) throw new Error(`Two commands are called "${command.id}".`)
      this.#commands.set(command.id, command)
    }
    this.#changed()
    return () => {
      for (const command of commands) this.#commands.delete(command.id)
      this.#changed()
    }
  }

  get(id: string): Command | undefined {
    return this.#commands.get(id)
  }

  /** All commands in the order they were added; the same array until something changes. */
  all = (): readonly Command[] => {
    this.#list ??= [...this.#commands.values()]
    return this.#list
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  getContext = (): WhenContext => this.#context

  /** Changes facts of the context. */
  setContext(change: WhenContext): void {
    if (Object.entries(change).every(([name, value]) => this.#context[name] === value)) return
    this.#context = { ...this.#context, ...change }
    this.#changed()
  }

  /** Keys chosen by the person, by command id; an empty list takes a command's keys away. */
  setOverrides(overrides: Readonly<Record<string, readonly string[]>>): void {
    this.#overrides = overrides
    this.#changed()
  }

  /** Keys of a command as they are now. */
  keysOf(id: string): readonly Combo[] {
    const command = this.#commands.get(id)
    return command ? combosOf(this.#overrides[id] ?? command.keys ?? [], this.platform) : []
  }

  /** Whether a command exists and its conditions hold. */
  isEnabled(id: string): boolean {
    const command = this.#commands.get(id)
    return command !== undefined && holds(command.when, this.#context)
  }

  /** Runs a command; false when it does not exist or its conditions do not hold. */
  run(id: string): boolean {
    const command = this.#commands.get(id)
    if (!command || !holds(command.when, this.#context)) return false
    void command.run()
    return true
  }

  #changed(): void {
    this.#list = null
    for (const listener of [...this.#listeners]) listener()
  }
}

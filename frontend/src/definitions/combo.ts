/** Looks a saved value up among a combo's options. */
import type { ComboOption } from './types'

/** The option that a value means: file names may be written with either kind of slash. Undefined: it is missing. */
export function findOption(options: readonly ComboOption[], value: unknown): ComboOption | undefined {
  const exact = options.find((option) => option === value)
  if (exact !== undefined || typeof value !== 'string' || !value.includes('\\')) return exact
  const wanted = value.replaceAll('\\', '/')
  return options.find((option) => typeof option === 'string' && option.replaceAll('\\', '/') === wanted)
}

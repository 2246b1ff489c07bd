/** What a person should know of a class before using it: it is old, may change, or cannot run yet. */
import type { NodeDefinition } from './types'

export type Standing = 'unsupported' | 'deprecated' | 'experimental'

/** Everything that holds, the most important first; nothing for most classes. */
export function standingsOf({ unsupportedFamily, deprecated, experimental }: NodeDefinition): Standing[] {
  const found: Standing[] = []
  if (unsupportedFamily) found.push('unsupported')
  if (deprecated) found.push('deprecated')
  else if (experimental) found.push('experimental')
  return found
}

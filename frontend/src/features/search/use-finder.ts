/** The finder over the server's classes and the editor's own ones; one per set of definitions. */
import { useCatalog } from '@/canvas/editor'
import { editorDefinitions } from '@/definitions/editor-nodes'
import type { Definitions } from '@/definitions/object-info'
import { NodeFinder } from '@/features/search/find-nodes'

const made = new WeakMap<Definitions, NodeFinder>()

export function useFinder(): NodeFinder | null {
  const definitions = useCatalog()
  if (!definitions) return null
  let finder = made.get(definitions)
  if (!finder) made.set(definitions, (finder = new NodeFinder([...definitions.all(), ...editorDefinitions])))
  return finder
}

/** Sorts node classes into the tree that their categories (`a/b/c`) form; used by the node library. */
import type { NodeDefinition } from '@/definitions/types'

/** A folder of the tree. */
export interface Category {
  /** The whole path, unique in the tree. */
  readonly path: string
  /** The last part of the path. */
  readonly name: string
  /** Folders inside, by name. */
  readonly categories: readonly Category[]
  /** Classes right in this folder, by display name. */
  readonly entries: readonly NodeDefinition[]
  /** How many classes are in it, at any depth. */
  readonly count: number
}

interface Growing {
  readonly children: Map<string, Growing>
  readonly entries: NodeDefinition[]
}

const growing = (): Growing => ({ children: new Map(), entries: [] })

/** The tree of all classes but deprecated ones; classes without a category stand in `other`. */
export function categoryTree(definitions: Iterable<NodeDefinition>, other: string): readonly Category[] {
  const root = growing()
  for (const definition of definitions) {
    if (definition.deprecated) continue
    const parts = definition.category.split('/').filter((part) => part !== '')
    folderAt(root, parts.length > 0 ? parts : [other]).entries.push(definition)
  }
  return settled(root, '')
}

function folderAt(root: Growing, parts: readonly string[]): Growing {
  return parts.reduce((folder, part) => {
    const known = folder.children.get(part)
    if (known) return known
    const made = growing()
    folder.children.set(part, made)
    return made
  }, root)
}

/** Categories like `_for_testing` stand last. */
const isAside = (name: string): boolean => name.startsWith('_')

function settled({ children }: Growing, above: string): Category[] {
  const sorted = [...children].sort(([a], [b]) => Number(isAside(a)) - Number(isAside(b)) || a.localeCompare(b))
  return sorted.map(([name, folder]) => {
    const path = above ? `${above}/${name}` : name
    const categories = settled(folder, path)
    const entries = folder.entries.sort((a, b) => a.displayName.localeCompare(b.displayName))
    return {
      path,
      name,
      categories,
      entries,
      count: categories.reduce((sum, each) => sum + each.count, entries.length),
    }
  })
}

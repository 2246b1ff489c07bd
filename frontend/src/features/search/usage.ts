/** How often each node class was added on this computer; ranks the search. */
const KEY = 'comfy-creator.usage'

export function readUsage(): Record<string, number> {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? '{}') as Record<string, number>
  } catch {
    return {}
  }
}

export function countUse(classType: string): void {
  const used = readUsage()
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...used, [classType]: (used[classType] ?? 0) + 1 }))
  } catch {
    // Ranking by use is a comfort; without storage the order is alphabetical.
  }
}

/** Which tabs this page has open, so that a reload brings them back in their order. */

const KEY = 'comfy-creator.open'

export interface Open {
  readonly open: readonly string[]
  readonly active: string | null
}

export function readOpen(): Open {
  try {
    const found = JSON.parse(sessionStorage.getItem(KEY) ?? '{}') as { open?: unknown; active?: unknown }
    const open = Array.isArray(found.open) ? found.open.filter((id) => typeof id === 'string') : []
    return { open, active: typeof found.active === 'string' ? found.active : null }
  } catch {
    return { open: [], active: null }
  }
}

export function writeOpen(open: Open): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(open))
  } catch {
    // Without storage a reload brings back unsaved work and saved workflows, in the order in which they were changed.
  }
}

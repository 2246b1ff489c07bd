/** This page's name at the server, which sends the events of its prompts to it. main.tsx takes it before all else. */
import { browserLock, type TabLock } from '@/document/tab-lock'

const KEY = 'comfy-creator.client-id'
/** What a page remembers in the session storage begins so. */
const OURS = 'comfy-creator.'
/** On a reload the browser may give the old page's lock back a moment later; a page without a rival never waits. */
const RELOAD_MS = 1000

/**
 * The id of this page, the same after a reload, held for as long as the page lives. A duplicated tab begins with a copy
 * of the other's storage: while the other lives, it takes a new id and forgets the other's prompts and open workflows.
 */
export async function claimClientId(storage: Storage = sessionStorage, lock: TabLock = browserLock): Promise<string> {
  const known = storage.getItem(KEY)
  if (known !== null && (await lock(nameOf(known), RELOAD_MS))) return known
  forget(storage)
  const made = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('')
  storage.setItem(KEY, made)
  await lock(nameOf(made))
  return made
}

const nameOf = (id: string): string => `comfy-creator-client-${id}`

function forget(storage: Storage): void {
  const keys = Array.from({ length: storage.length }, (_, at) => storage.key(at) ?? '')
  for (const key of keys) if (key.startsWith(OURS)) storage.removeItem(key)
}

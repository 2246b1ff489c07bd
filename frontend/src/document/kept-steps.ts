/** Keeps a document's undo steps beside its content on disk, so that undo goes on after a reload; used by drafts.ts. */
import type { IndexeddbPersistence } from 'y-indexeddb'
import type { EditorDocument } from './editor-document'
import { readSteps } from './history'

const KEY = 'steps'
const STORE = 'custom'
const PAUSE_MS = 200

/** Brings back the steps that are on disk and keeps what is there up to date. Returns what writes the rest and ends it. */
export async function keepSteps(disk: IndexeddbPersistence, document: EditorDocument): Promise<() => void> {
  const steps = readSteps(await disk.get(KEY).catch(() => null))
  if (steps) document.restoreSteps(steps)
  let timer: ReturnType<typeof setTimeout> | null = null
  const write = () => {
    if (timer === null) return
    clearTimeout(timer)
    timer = null
    const entry = disk.db?.transaction(STORE, 'readwrite')
    entry?.objectStore(STORE).put(document.getSteps(), KEY)
    // Without this a page that is being left would take the entry back.
    entry?.commit()
  }
  const soon = () => {
    timer ??= setTimeout(write, PAUSE_MS)
  }
  const stop = document.subscribeHistory(soon)
  // A new document can be edited before its database is there.
  if (!steps) soon()
  addEventListener('pagehide', write)
  return () => {
    write()
    stop()
    removeEventListener('pagehide', write)
  }
}

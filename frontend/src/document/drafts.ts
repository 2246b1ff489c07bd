/** Keeps every document on disk while it is edited, so that a reload or a crash loses nothing. */
import { IndexeddbPersistence } from 'y-indexeddb'
import * as Y from 'yjs'
import type { DefinitionSource } from '../definitions/types'
import { EMPTY_GRAPH, type Graph } from '../graph/model'
import { EditorDocument } from './editor-document'
import { browserLock, type TabLock } from './tab-lock'

/** What is remembered about a draft. */
export interface DraftInfo {
  readonly id: string
  /** Name for people: the workflow's, without folder and extension. */
  readonly name: string
  /** Where it was opened from or saved to in the user's data; null: never saved. */
  readonly path: string | null
  /** Whether there are changes that the saved file lacks. */
  readonly dirty: boolean
  /** Milliseconds since 1970 of the last change of this record. */
  readonly at: number
}

/** A document that is being kept. */
export interface Draft {
  readonly document: EditorDocument
  /** True when the content came from disk. */
  readonly restored: boolean
  /** False when the browser gives no room on disk: then a reload loses the draft. */
  readonly kept: boolean
  info(): DraftInfo
  /** Remembers a new name, path or dirty mark. */
  update(change: Partial<Omit<DraftInfo, 'id' | 'at'>>): void
  /** Ends keeping and gives the draft free for other tabs; everything is on disk afterwards. */
  close(): Promise<void>
}

const INDEX = 'comfy-creator.drafts'
const CURRENT = 'comfy-creator.draft'
const KEPT_DRAFTS = 10
const databaseOf = (id: string): string => `comfy-creator-draft-${id}`

/** Drafts of this browser. */
export class Drafts {
  readonly #local: Storage
  readonly #session: Storage
  readonly #lock: TabLock
  readonly #definitions: DefinitionSource

  constructor(definitions: DefinitionSource, options: { local?: Storage; session?: Storage; lock?: TabLock } = {}) {
    this.#definitions = definitions
    this.#local = options.local ?? localStorage
    this.#session = options.session ?? sessionStorage
    this.#lock = options.lock ?? browserLock
  }

  /** Records of all drafts, the latest first. */
  list(): DraftInfo[] {
    const found = readIndex(this.#local.getItem(INDEX))
    return found.sort((a, b) => b.at - a.at)
  }

  /**
   * This tab's draft after a reload; else the latest one that a closed or crashed tab left with unsaved changes; else
   * null, and the page starts something new.
   */
  async resume(): Promise<Draft | null> {
    const own = this.#session.getItem(CURRENT)
    const candidates = this.list().filter((info) => info.id === own || info.dirty)
    candidates.sort((a, b) => Number(b.id === own) - Number(a.id === own))
    for (const info of candidates) {
      const draft = await this.open(info.id)
      if (draft) return draft
    }
    return null
  }

  /** Opens a kept draft; null when another tab has it or nothing is left of it. */
  async open(id: string): Promise<Draft | null> {
    const info = this.list().find((entry) => entry.id === id)
    const release = info && (await this.#lock(databaseOf(id)))
    if (!info || !release) return null
    const ydoc = new Y.Doc()
    const disk = await attach(id, ydoc)
    if (!ydoc.getMap('meta').has('lastNodeId')) {
      await disk?.destroy()
      release()
      this.#forget([id])
      return null
    }
    const document = new EditorDocument({ definitions: this.#definitions, ydoc })
    return this.#draft(document, info, true, disk, release)
  }

  /** Starts a draft with the given content. */
  async create(graph: Graph = EMPTY_GRAPH, about: Partial<Omit<DraftInfo, 'id' | 'at'>> = {}): Promise<Draft> {
    const info = { name: '', path: null, dirty: false, ...about, id: newId(), at: Date.now() }
    const release = (await this.#lock(databaseOf(info.id))) ?? (() => undefined)
    const document = new EditorDocument({ definitions: this.#definitions })
    const disk = await attach(info.id, document.ydoc)
    document.load(graph)
    this.#remember(info)
    await this.#prune()
    return this.#draft(document, info, false, disk, release)
  }

  #draft(
    document: EditorDocument,
    first: DraftInfo,
    restored: boolean,
    disk: IndexeddbPersistence | null,
    release: () => void,
  ): Draft {
    let info = first
    this.#session.setItem(CURRENT, info.id)
    return {
      document,
      restored,
      kept: disk !== null,
      info: () => info,
      update: (change) => {
        info = { ...info, ...change, at: Date.now() }
        this.#remember(info)
      },
      close: async () => {
        await disk?.destroy()
        document.destroy()
        release()
      },
    }
  }

  #remember(info: DraftInfo): void {
    this.#write([info, ...this.list().filter((entry) => entry.id !== info.id)])
  }

  #forget(ids: readonly string[]): void {
    this.#write(this.list().filter((entry) => !ids.includes(entry.id)))
  }

  #write(entries: readonly DraftInfo[]): void {
    try {
      this.#local.setItem(INDEX, JSON.stringify(entries))
    } catch {
      // Storage is full or forbidden: the document itself lies in IndexedDB and is not touched by this.
    }
  }

  /** Deletes the oldest drafts beyond the limit, those with unsaved changes last; never one that a tab has open. */
  async #prune(): Promise<void> {
    const drafts = this.list().sort((a, b) => Number(b.dirty) - Number(a.dirty) || b.at - a.at)
    for (const { id } of drafts.slice(KEPT_DRAFTS)) {
      const release = await this.#lock(databaseOf(id))
      if (!release) continue
      this.#forget([id])
      indexedDB.deleteDatabase(databaseOf(id))
      release()
    }
  }
}

/** Joins a document with its database; null when the browser gives none. */
async function attach(id: string, ydoc: Y.Doc): Promise<IndexeddbPersistence | null> {
  if (typeof indexedDB === 'undefined' || !(await canOpen(databaseOf(id)))) return null
  const disk = new IndexeddbPersistence(databaseOf(id), ydoc)
  await disk.whenSynced
  return disk
}

/** Whether the browser lets us have a database (some do not in private windows). */
function canOpen(name: string): Promise<boolean> {
  return new Promise((resolve) => {
    try {
      const request = indexedDB.open(`${name}-probe`)
      request.onerror = () => resolve(false)
      request.onsuccess = () => {
        request.result.close()
        indexedDB.deleteDatabase(`${name}-probe`)
        resolve(true)
      }
    } catch {
      resolve(false)
    }
  })
}

function readIndex(text: string | null): DraftInfo[] {
  try {
    const value: unknown = JSON.parse(text ?? '[]')
    return Array.isArray(value) ? value.filter(isInfo) : []
  } catch {
    return []
  }
}

function isInfo(value: unknown): value is DraftInfo {
  if (typeof value !== 'object' || value === null) return false
  const { id, name, at } = value as Partial<DraftInfo>
  return typeof id === 'string' && typeof name === 'string' && typeof at === 'number'
}

function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Keeps every document on disk while it is edited, so that a reload or a crash loses nothing. */
import { IndexeddbPersistence } from 'y-indexeddb'
import * as Y from 'yjs'
import type { DefinitionSource } from '../definitions/types'
import { EMPTY_GRAPH, type Graph } from '../graph/model'
import { EditorDocument } from './editor-document'
import { keepSteps } from './kept-steps'
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
  /** The person closed it: it does not come back by itself. */
  readonly closed?: boolean
  /** Milliseconds since 1970 of the last change of this record. */
  readonly at: number
}

/** What can change about a draft. */
export type DraftChange = Partial<Omit<DraftInfo, 'id' | 'at'>>

/** A draft that this page alone may open, until it lets go of it. */
export interface HeldDraft {
  info(): DraftInfo
  /** Remembers a new name, path or dirty mark. */
  update(change: DraftChange): void
  /** Reads the content; null when nothing is left of it. Call it once. */
  open(): Promise<Draft | null>
  /** Gives the draft free for other tabs. */
  release(): void
}

/** A document that is being kept. */
export interface Draft extends Omit<HeldDraft, 'open' | 'release'> {
  readonly document: EditorDocument
  /** True when the content came from disk. */
  readonly restored: boolean
  /** Resolves when the content is on disk; false: the browser gives no room, and a reload loses the draft. */
  readonly kept: Promise<boolean>
  /** Ends keeping and gives the draft free for other tabs; everything is on disk afterwards. */
  close(): Promise<void>
}

const INDEX = 'comfy-creator.drafts'
const KEPT_DRAFTS = 30
const databaseOf = (id: string): string => `comfy-creator-draft-${id}`

/** Drafts of this browser. */
export class Drafts {
  readonly #local: Storage
  readonly #lock: TabLock
  readonly #definitions: DefinitionSource

  constructor(definitions: DefinitionSource, options: { local?: Storage; lock?: TabLock } = {}) {
    this.#definitions = definitions
    this.#local = options.local ?? localStorage
    this.#lock = options.lock ?? browserLock
  }

  /** Records of all drafts, the latest first. */
  list(): DraftInfo[] {
    const found = readIndex(this.#local.getItem(INDEX))
    return found.sort((a, b) => b.at - a.at)
  }

  /** Drafts that a closed or crashed tab may have left open, the oldest first: unsaved work and saved workflows. */
  left(): DraftInfo[] {
    return this.list()
      .filter((info) => info.closed !== true && (info.dirty || info.path !== null))
      .reverse()
  }

  /** Takes a draft for this page; null when it does not exist or another tab has it. */
  async hold(id: string): Promise<HeldDraft | null> {
    const info = this.list().find((entry) => entry.id === id)
    const release = info && (await this.#lock(databaseOf(id)))
    if (!info || !release) return null
    const record = this.#record(info)
    return { ...record, release, open: () => this.#open(record, release) }
  }

  /** Takes a draft and opens it. */
  async open(id: string): Promise<Draft | null> {
    return (await (await this.hold(id))?.open()) ?? null
  }

  /** Starts a draft with the given content; it can be edited before it is on disk. */
  async create(graph: Graph = EMPTY_GRAPH, about: DraftChange = {}): Promise<Draft> {
    const info = { name: '', path: null, dirty: false, ...about, id: newId(), at: Date.now() }
    const release = (await this.#lock(databaseOf(info.id))) ?? (() => undefined)
    const document = new EditorDocument({ definitions: this.#definitions })
    document.load(graph)
    this.#remember(info)
    const disk = attach(info.id, document.ydoc)
    void disk.then(() => this.#prune())
    return { document, restored: false, ...this.#record(info), ...keep(document, disk, release) }
  }

  async #open(record: DraftRecord, release: () => void): Promise<Draft | null> {
    const { id } = record.info()
    const ydoc = new Y.Doc()
    const disk = await attach(id, ydoc)
    if (!ydoc.getMap('meta').has('lastNodeId')) {
      await disk?.destroy()
      release()
      this.#forget([id])
      return null
    }
    const document = new EditorDocument({ definitions: this.#definitions, ydoc })
    const kept = keep(document, Promise.resolve(disk), release)
    await kept.kept
    return { document, restored: true, ...record, ...kept }
  }

  #record(first: DraftInfo): DraftRecord {
    let info = first
    return {
      info: () => info,
      update: (change) => {
        info = { ...info, ...change, at: Date.now() }
        this.#remember(info)
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
    const unsaved = (info: DraftInfo) => Number(info.dirty && info.closed !== true)
    const drafts = this.list().sort((a, b) => unsaved(b) - unsaved(a) || b.at - a.at)
    for (const { id } of drafts.slice(KEPT_DRAFTS)) {
      const release = await this.#lock(databaseOf(id))
      if (!release) continue
      this.#forget([id])
      indexedDB.deleteDatabase(databaseOf(id))
      release()
    }
  }
}

/** Keeps the undo steps as well, once the database is there. */
function keep(
  document: EditorDocument,
  disk: Promise<IndexeddbPersistence | null>,
  release: () => void,
): Pick<Draft, 'kept' | 'close'> {
  const steps = disk.then((found) => found && keepSteps(found, document))
  return {
    kept: steps.then((end) => end !== null),
    close: async () => {
      ;(await steps)?.()
      await (await disk)?.destroy()
      document.destroy()
      release()
    },
  }
}

type DraftRecord = Pick<HeldDraft, 'info' | 'update'>

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

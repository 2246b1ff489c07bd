/** The pictures that were made, newest first: the history's at start, then every new one as it comes. */
import { createStore, type StoreApi } from 'zustand/vanilla'
import type { ApiClient } from '@/api/client'
import type { RunSession } from '@/api/run-session'
import { filesOf, type FileRef, type HistoryRecord } from '@/api/wire'
import type { JsonObject, NodeId } from '@/graph/model'

export interface FeedItem {
  /** Prompt, node and file: the same picture never stands twice. */
  readonly key: string
  readonly prompt: string
  readonly node: NodeId
  readonly file: FileRef
}

const LENGTH = 400
const HISTORY = 60

export class Feed {
  readonly store: StoreApi<{ readonly items: readonly FeedItem[] }> = createStore(() => ({
    items: [] as readonly FeedItem[],
  }))
  readonly #api: ApiClient

  constructor(api: ApiClient, session: RunSession) {
    this.#api = api
    session.onEvent((event) => {
      if (event.type === 'executed') this.add(itemsOf(event.promptId, event.node, event.output))
    })
  }

  /** Reads what was made before the page was opened. */
  async load(): Promise<void> {
    const records = await this.#api.history(HISTORY)
    const known = new Set(this.store.getState().items.map((item) => item.key))
    const older = records.flatMap(itemsOfRecord).filter((item) => !known.has(item.key))
    this.store.setState((state) => ({ items: [...state.items, ...older.reverse()].slice(0, LENGTH) }))
  }

  /** Puts pictures in front; the last one given becomes the first one shown. */
  add(items: readonly FeedItem[]): void {
    if (items.length === 0) return
    const keys = new Set(items.map((item) => item.key))
    this.store.setState((state) => ({
      items: [...[...items].reverse(), ...state.items.filter((item) => !keys.has(item.key))].slice(0, LENGTH),
    }))
  }
}

function itemsOf(prompt: string, node: NodeId, output: JsonObject): FeedItem[] {
  return filesOf(output).map((file) => ({
    key: `${prompt}/${node}/${file.type}/${file.subfolder}/${file.filename}`,
    prompt,
    node,
    file,
  }))
}

/** The pictures of a finished prompt. */
export function itemsOfRecord(record: HistoryRecord): FeedItem[] {
  return Object.entries(record.outputs).flatMap(([node, output]) => itemsOf(record.promptId, node, output))
}

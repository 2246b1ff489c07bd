/** Builds what the page has once: server, node classes, tabs, runs, commands. */
import { createStore } from 'zustand/vanilla'
import { commandsOf } from '@/app/commands'
import { openDocument } from '@/app/open-document'
import { keepFresh } from '@/app/keep-fresh'
import { followTitle } from '@/app/window-title'
import { followContext } from '@/app/when'
import { ApiClient } from '@/api/client'
import { RunSession } from '@/api/run-session'
import { detectPlatform } from '@/commands/keys'
import { listenForKeys } from '@/commands/keymap'
import { CommandRegistry } from '@/commands/registry'
import { Definitions, readObjectInfo } from '@/definitions/object-info'
import { Drafts } from '@/document/drafts'
import type { Shared } from '@/features/app'
import { parseLossless } from '@/formats/lossless-json'
import { listenForClipboard } from '@/features/clipboard/clipboard'
import { Feed } from '@/features/feed/feed'
import { Runner } from '@/features/run/runner'
import { Tabs } from '@/features/tabs/tabs'
import { tellError } from '@/features/tell-error'
import { loadTemplate } from '@/features/workflows/opening'
import { WorkflowShelf } from '@/features/workflows/shelf'
import { t } from '@/i18n'
import { fetchParts } from '@/ui/later'

const FIRST_TEMPLATE = 'txt2img'
const RETRY_MS = 1000

export class EditorApp {
  readonly shared: Shared
  #restored = false
  /** What the server said last about its node classes, and which question that answers. */
  #classes = ''
  #asked = 0
  #answered = 0

  constructor(clientId: string) {
    const api = new ApiClient({ clientId })
    const session = new RunSession(api)
    const tabs: Tabs = new Tabs({
      drafts: new Drafts(new Definitions([])),
      session,
      build: (draft, remember) => openDocument(this.shared, draft, remember),
    })
    this.shared = {
      api,
      session,
      tabs,
      catalog: createStore<{ definitions: Definitions | null }>(() => ({ definitions: null })),
      commands: new CommandRegistry(detectPlatform()),
      feed: new Feed(api, session),
      runner: new Runner(),
      shelf: new WorkflowShelf(api, (from, to) => tabs.moved(from, to)),
      refreshDefinitions: () => this.#refreshDefinitions(),
    }
    this.shared.commands.add(...commandsOf(this.shared))
  }

  /** Brings back the documents that were open; then the page can be drawn. */
  async restore(): Promise<void> {
    this.#restored = await this.shared.tabs.restore()
  }

  /** Listens to the page's keys and the server; a first visit gets a template. */
  async start(): Promise<void> {
    const { shared } = this
    followContext(shared)
    followTitle(shared)
    listenForKeys(shared.commands)
    listenForClipboard(shared)
    shared.session.start()
    await this.#firstDefinitions()
    keepFresh(shared)
    if (!this.#restored) await loadTemplate(shared, FIRST_TEMPLATE, t('workflows.first')).catch(tellError)
    void shared.feed.load().catch(() => undefined)
    void fetchParts()
  }

  async #refreshDefinitions(): Promise<void> {
    const { api, tabs, catalog } = this.shared
    const turn = ++this.#asked
    const text = await api.objectInfo()
    if (turn < this.#answered || text === this.#classes) return
    this.#answered = turn
    this.#classes = text
    const definitions = readObjectInfo(parseLossless(text))
    for (const { document } of tabs.loaded) document.setDefinitions(definitions)
    catalog.setState({ definitions })
  }

  /** The page may be there before the server is: it asks until it gets an answer. */
  async #firstDefinitions(): Promise<void> {
    for (;;) {
      try {
        return await this.#refreshDefinitions()
      } catch {
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      }
    }
  }
}

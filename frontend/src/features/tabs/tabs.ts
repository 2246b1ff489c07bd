/** The open documents of the page: which there are, which one is shown, opening, closing, and coming back after a reload. */
import { toast } from 'sonner'
import { createStore, type StoreApi } from 'zustand/vanilla'
import type { RunSession } from '@/api/run-session'
import type { Draft, DraftInfo, Drafts, HeldDraft } from '@/document/drafts'
import type { ImportResult } from '@/formats/import-result'
import type { App } from '@/features/app'
import { readOpen, writeOpen } from '@/features/tabs/remembered'
import { nameOf } from '@/features/workflows/names'
import { EMPTY_GRAPH, type Graph } from '@/graph/model'
import { t } from '@/i18n'
import { askSave, page } from '@/ui/page'

/** What the tab strip shows of a document. */
export interface TabEntry {
  readonly id: string
  readonly name: string
  readonly path: string | null
  readonly dirty: boolean
}

export interface TabsState {
  readonly entries: readonly TabEntry[]
  /** The document that is shown; null before the first one stands. */
  readonly current: App | null
}

/** Where a workflow comes from. */
export interface Origin {
  readonly path: string | null
  readonly title: string
  readonly dirty?: boolean
}

export interface TabsParts {
  readonly drafts: Drafts
  readonly session: RunSession
  /** Makes a tab's parts around a draft; `remember` is told of changes of its file. */
  readonly build: (draft: Draft, remember: (change: Parameters<Draft['update']>[0]) => void) => App
}

interface Awake {
  readonly app: App
  readonly draft: Draft
}

export class Tabs {
  readonly store: StoreApi<TabsState> = createStore<TabsState>(() => ({ entries: [], current: null }))
  readonly #parts: TabsParts
  #order: string[] = []
  readonly #awake = new Map<string, Awake>()
  /** What is done to tabs is done one after the other, however fast somebody types. */
  #last: Promise<unknown> = Promise.resolve()
  /** Tabs of an earlier page that nobody has looked at yet: only their names are known. */
  readonly #asleep = new Map<string, HeldDraft>()

  constructor(parts: TabsParts) {
    this.#parts = parts
  }

  /** The document that is shown. */
  get current(): App {
    const { current } = this.store.getState()
    if (!current) throw new Error('No document is open yet.')
    return current
  }

  /** The documents that are in memory. */
  get loaded(): readonly App[] {
    return [...this.#awake.values()].map(({ app }) => app)
  }

  /**
   * Opens what this page had open before a reload, else what a closed or crashed one left behind; with neither, an empty
   * document. True when something came back.
   */
  restore(): Promise<boolean> {
    return this.#then(() => this.#restore())
  }

  async #restore(): Promise<boolean> {
    const { open, active } = readOpen()
    const wanted = open.length > 0 ? open : this.#parts.drafts.left().map((info) => info.id)
    for (const id of wanted) {
      const held = await this.#parts.drafts.hold(id)
      if (held) this.#join(id, () => this.#asleep.set(id, held))
    }
    for (const id of [active ?? '', ...this.#order.toReversed()]) if (await this.#show(id)) return true
    await this.#start(EMPTY_GRAPH, { path: null, title: t('workflows.untitled') })
    return false
  }

  /** Shows a tab; false when there is none or nothing is left of it. */
  show(id: string): Promise<boolean> {
    return this.#then(() => this.#show(id))
  }

  async #show(id: string): Promise<boolean> {
    const found = this.#awake.get(id) ?? (await this.#wake(id))
    if (!found) return false
    if (this.store.getState().current === found.app) return true
    // Fields keep what was typed in them when they lose the focus.
    if (document.activeElement instanceof HTMLElement && document.activeElement.closest('.flow'))
      document.activeElement.blur()
    page.closeSearch()
    page.closeLinks()
    this.store.setState({ current: found.app })
    this.#tell()
    return true
  }

  /** Shows the next tab (1) or the one before (-1), around the ends. */
  step(by: 1 | -1): Promise<boolean> {
    return this.#then(() => {
      const at = this.#order.indexOf(this.current.id)
      return this.#show(this.#order[(at + by + this.#order.length) % this.#order.length] ?? '')
    })
  }

  /** An empty document in a tab of its own. */
  new(): Promise<App> {
    return this.#then(() => this.#new())
  }

  #new(): Promise<App> {
    return this.#start(EMPTY_GRAPH, { path: null, title: this.#freeName(t('workflows.untitled')) })
  }

  /** Shows a workflow: in a tab of its own, or in place of one that nobody has touched. */
  open(result: ImportResult, from: Origin): Promise<App> {
    return this.#then(() => this.#open(result, from))
  }

  async #open(result: ImportResult, from: Origin): Promise<App> {
    const app = isUntouched(this.current) ? this.#replace(result, from) : await this.#start(result.graph, from)
    app.canvas.showSoon(result.graph.viewport)
    if (result.warnings.length > 0)
      toast(t('import.warnings', { n: result.warnings.length }), { description: result.warnings[0]?.message ?? '' })
    return app
  }

  /** The tab in which a saved workflow is open. */
  withPath(path: string): TabEntry | undefined {
    return this.store.getState().entries.find((entry) => entry.path === path)
  }

  /** A saved workflow is called something else now, or is gone. */
  moved(from: string, to: string | null): void {
    for (const { id, path } of this.store.getState().entries) {
      if (path !== from) continue
      const change = to === null ? { path: null, dirty: true } : { path: to }
      this.#awake.get(id)?.app.file.set({ title: nameOf(to ?? from), ...change })
      this.#asleep.get(id)?.update({ name: nameOf(to ?? from), ...change })
    }
    this.#tell()
  }

  /** Closes a tab (the shown one unless told otherwise), after asking about unsaved changes; false when the person stays. */
  close(id?: string): Promise<boolean> {
    return this.#then(() => this.#close(id ?? this.current.id))
  }

  async #close(id: string): Promise<boolean> {
    if (this.#info(id)?.dirty && !(await this.#mayGo(id))) return false
    const at = this.#order.indexOf(id)
    this.#order = this.#order.filter((other) => other !== id)
    if (this.store.getState().current?.id === id) {
      const next = this.#order[Math.min(at, this.#order.length - 1)]
      if (next === undefined || !(await this.#show(next))) await this.#new()
    }
    const awake = this.#awake.get(id)
    const asleep = this.#asleep.get(id)
    this.#awake.delete(id)
    this.#asleep.delete(id)
    this.#parts.session.forget(id)
    this.#tell()
    ;(awake?.draft ?? asleep)?.update({ closed: true })
    await awake?.draft.close()
    asleep?.release()
    return true
  }

  /** Opens the tab again that was closed last; false when there is none. */
  reopen(): Promise<boolean> {
    return this.#then(() => this.#reopen())
  }

  async #reopen(): Promise<boolean> {
    for (const { id, closed } of this.#parts.drafts.list()) {
      const held = closed === true ? await this.#parts.drafts.hold(id) : null
      if (!held) continue
      held.update({ closed: false })
      this.#join(id, () => this.#asleep.set(id, held))
      if (await this.#show(id)) return true
    }
    return false
  }

  #then<T>(work: () => T | Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => undefined)
    return result
  }

  async #mayGo(id: string): Promise<boolean> {
    await this.#show(id)
    const { file, document } = this.current
    if (document.getTopology().nodeIds.length === 0) return true
    const answer = await askSave(this.#entry(id)?.name ?? '')
    return answer === 'discard' || (answer === 'save' && (await file.save()))
  }

  async #start(graph: Graph, from: Origin): Promise<App> {
    const about = { path: from.path, name: from.title, dirty: from.dirty ?? false }
    const draft = await this.#parts.drafts.create(graph, about)
    const { id } = draft.info()
    const app = this.#build(draft)
    this.#join(id, () => this.#awake.set(id, { app, draft }))
    await this.#show(id)
    return app
  }

  #replace({ graph }: ImportResult, { path, title, dirty }: Origin): App {
    const { current: app } = this
    app.file.quietly(() => app.document.load(graph))
    app.run.dispatch({ type: 'forget_nodes' })
    app.file.set({ path, title, dirty: dirty ?? false })
    return app
  }

  async #wake(id: string): Promise<Awake | null> {
    const held = this.#asleep.get(id)
    if (!held) return null
    const draft = await held.open()
    this.#asleep.delete(id)
    if (!draft) {
      this.#order = this.#order.filter((other) => other !== id)
      this.#tell()
      return null
    }
    const awake = { app: this.#build(draft), draft }
    this.#awake.set(id, awake)
    awake.app.canvas.showSoon(draft.document.getViewport())
    void this.#parts.session.showLastResults(id)
    return awake
  }

  #build(draft: Draft): App {
    return this.#parts.build(draft, (change) => {
      draft.update(change)
      this.#tell()
    })
  }

  /** Puts a tab behind the shown one. */
  #join(id: string, put: () => void): void {
    put()
    this.#parts.session.runOf(id)
    const { current } = this.store.getState()
    const at = current ? this.#order.indexOf(current.id) + 1 : this.#order.length
    this.#order = [...this.#order.slice(0, at), id, ...this.#order.slice(at)]
    this.#tell()
  }

  #info(id: string): DraftInfo | undefined {
    return (this.#awake.get(id)?.draft ?? this.#asleep.get(id))?.info()
  }

  #entry(id: string): TabEntry | null {
    const info = this.#info(id)
    if (!info) return null
    const name = info.path === null ? info.name || t('workflows.untitled') : nameOf(info.path)
    return { id, name, path: info.path, dirty: info.dirty }
  }

  #freeName(name: string): string {
    const taken = new Set(this.store.getState().entries.map((entry) => entry.name))
    let count = 1
    while (taken.has(count === 1 ? name : `${name} ${count}`)) count++
    return count === 1 ? name : `${name} ${count}`
  }

  #tell(): void {
    const before = new Map(this.store.getState().entries.map((entry) => [entry.id, entry]))
    const entries = this.#order.flatMap((id) => {
      const entry = this.#entry(id)
      const known = before.get(id)
      return entry ? [known && JSON.stringify(known) === JSON.stringify(entry) ? known : entry] : []
    })
    this.store.setState({ entries })
    writeOpen({ open: this.#order, active: this.store.getState().current?.id ?? null })
  }
}

/** Nothing would be lost, and nothing was made of it: another workflow may take its place. */
function isUntouched({ document, file, run }: App): boolean {
  const { canUndo, canRedo } = document.getHistory()
  const { path, dirty } = file.state
  return path === null && !dirty && !canUndo && !canRedo && run.getState().prompts.length === 0
}

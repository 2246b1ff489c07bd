/** The open workflow as a file: where it came from, whether it is saved, and everything the server's folder of workflows offers. */
import { toast } from 'sonner'
import { createStore, type StoreApi } from 'zustand/vanilla'
import { ApiError, type ApiClient, type UserFile } from '@/api/client'
import type { RunSession } from '@/api/run-session'
import type { HistoryRecord } from '@/api/wire'
import type { CanvasView } from '@/canvas/canvas-view'
import type { EditorDocument } from '@/document/editor-document'
import type { ImportResult } from '@/formats/import-result'
import { stringifyLossless } from '@/formats/lossless-json'
import { exportV04 } from '@/formats/litegraph-v04/export'
import { openText } from '@/formats/open-file'
import { EMPTY_GRAPH } from '@/graph/model'
import type { Template } from '@/features/templates/templates'
import { readWorkflow } from '@/features/workflows/read-workflow'
import { t } from '@/i18n'
import { ask, askText } from '@/ui/page'

const FOLDER = 'workflows'
const ENDING = '.json'

export interface FilesState {
  readonly list: readonly UserFile[]
  /** Path below the folder of workflows; `null` while the workflow was never saved. */
  readonly path: string | null
  /** Name for people while there is no path. */
  readonly title: string
  readonly dirty: boolean
}

/** Name for people of a saved workflow. */
export const nameOf = (path: string): string => (path.endsWith(ENDING) ? path.slice(0, -ENDING.length) : path)
const inFolder = (path: string): string => `${FOLDER}/${path}`

export interface FilesParts {
  readonly api: ApiClient
  readonly document: EditorDocument
  readonly canvas: CanvasView
  readonly run: RunSession
}

export class WorkflowFiles {
  readonly store: StoreApi<FilesState>
  readonly #parts: FilesParts
  #quiet = false

  constructor(parts: FilesParts) {
    this.#parts = parts
    this.store = createStore<FilesState>(() => ({ list: [], path: null, title: t('workflows.untitled'), dirty: false }))
    parts.document.subscribeContent(() => {
      if (!this.#quiet) this.#set({ dirty: true })
    })
  }

  /** Changes the document without marking it as unsaved: seeds after a run. */
  quietly(change: () => void): void {
    this.#quiet = true
    try {
      change()
    } finally {
      this.#quiet = false
    }
  }

  get state(): FilesState {
    return this.store.getState()
  }

  #set(change: Partial<FilesState>): void {
    this.store.setState(change)
  }

  async refresh(): Promise<void> {
    await this.#telling(async () => {
      const list = await this.#parts.api.listUserFiles(FOLDER)
      const workflows = list.filter((file) => file.path.endsWith(ENDING))
      this.#set({ list: workflows.sort((a, b) => b.modified - a.modified) })
    })
  }

  /** Shows another graph. Whoever calls has asked about unsaved changes. */
  show(result: ImportResult, from: { path: string | null; title: string; dirty?: boolean }): void {
    const { document, canvas, run } = this.#parts
    document.load(result.graph)
    run.dispatch({ type: 'forget_nodes' })
    this.#set({ path: from.path, title: from.title, dirty: from.dirty ?? false })
    canvas.showSoon(result.graph.viewport)
    if (result.warnings.length > 0)
      toast(t('import.warnings', { n: result.warnings.length }), { description: result.warnings[0]?.message ?? '' })
  }

  /** True when nothing would be lost, or the person does not mind. */
  async mayLeave(): Promise<boolean> {
    if (!this.state.dirty || this.#parts.document.getTopology().nodeIds.length === 0) return true
    return ask({ title: t('leave.title'), text: t('leave.text'), confirm: t('leave.confirm'), danger: true })
  }

  async new(): Promise<void> {
    if (!(await this.mayLeave())) return
    this.show({ graph: EMPTY_GRAPH, warnings: [], needsLayout: false }, { path: null, title: t('workflows.untitled') })
  }

  async open(path: string): Promise<void> {
    if (!(await this.mayLeave())) return
    await this.#telling(async () => {
      const text = await this.#parts.api.readUserFile(inFolder(path))
      this.show(await openText(text, this.#parts.document.definitions), { path, title: nameOf(path) })
    })
  }

  async openTemplate(template: Template): Promise<void> {
    if (!(await this.mayLeave())) return
    await this.#telling(() => this.loadTemplate(template.name, template.title))
  }

  /** Shows a template of the server without asking; also what a first visit starts with. */
  async loadTemplate(name: string, title: string): Promise<void> {
    const json = await this.#parts.api.getJson(`v1/templates/${encodeURIComponent(name)}.json`)
    const result = await readWorkflow(json, this.#parts.document.definitions)
    // Its author's window was another: show all of it.
    this.show({ ...result, graph: { ...result.graph, viewport: null } }, { path: null, title })
  }

  /** Shows the workflow of a finished prompt, with its results on the nodes. */
  async openRecord(record: HistoryRecord): Promise<void> {
    if (!(await this.mayLeave())) return
    await this.#telling(async () => {
      const json = record.workflow ?? record.prompt
      const title = t('workflows.fromHistory', { n: record.number })
      this.show(await readWorkflow(json, this.#parts.document.definitions), { path: null, title, dirty: true })
      this.#parts.run.dispatch({ type: 'history', record })
    })
  }

  async save(): Promise<void> {
    const { path } = this.state
    if (path === null) return this.saveAs()
    await this.#write(path, true)
  }

  async saveAs(): Promise<void> {
    const { path, title } = this.state
    const name = await askText({
      title: t('workflows.saveTitle'),
      label: t('workflows.name'),
      value: path === null ? title : nameOf(path),
      confirm: t('workflows.save'),
    })
    if (name !== null) await this.#write(cleanName(name) + ENDING, name === (path && nameOf(path)))
  }

  async rename(path: string): Promise<void> {
    const name = await askText({
      title: t('workflows.renameTitle'),
      label: t('workflows.name'),
      value: nameOf(path),
      confirm: t('workflows.renameConfirm'),
    })
    if (name === null || name === nameOf(path)) return
    const to = cleanName(name) + ENDING
    await this.#telling(
      async () => {
        await this.#parts.api.moveUserFile(inFolder(path), inFolder(to))
        if (this.state.path === path) this.#set({ path: to })
      },
      t('workflows.exists', { name }),
    )
    await this.refresh()
  }

  async remove(path: string): Promise<void> {
    const sure = await ask({
      title: t('workflows.deleteTitle', { name: nameOf(path) }),
      text: t('workflows.deleteText'),
      confirm: t('workflows.deleteConfirm'),
      danger: true,
    })
    if (!sure) return
    await this.#telling(async () => {
      await this.#parts.api.deleteUserFile(inFolder(path))
      if (this.state.path === path) this.#set({ path: null, title: nameOf(path), dirty: true })
    })
    await this.refresh()
  }

  /** The document in the file format, as text. */
  text(): string {
    const { document } = this.#parts
    return stringifyLossless(exportV04(document.toGraph(), document.definitions))
  }

  /** Name of a downloaded copy. */
  get downloadName(): string {
    const { path, title } = this.state
    return (path === null ? title : nameOf(path)).replace(/[\\/]/g, '-') + ENDING
  }

  /** What the draft of a crashed page knew about its file. */
  restore(from: { path: string | null; title: string; dirty: boolean }): void {
    this.#set(from)
  }

  async #write(path: string, overwrite: boolean): Promise<void> {
    try {
      await this.#parts.api.writeUserFile(inFolder(path), this.text(), { overwrite })
      this.#set({ path, title: nameOf(path), dirty: false })
      await this.refresh()
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      if (error.status !== 409) {
        toast.error(error.message)
        return
      }
      const replace = await ask({
        title: t('workflows.replaceTitle', { name: nameOf(path) }),
        text: t('workflows.replaceText'),
        confirm: t('workflows.replaceConfirm'),
        danger: true,
      })
      if (replace) await this.#write(path, true)
    }
  }

  /** Does something with the server and tells when that failed. */
  async #telling(work: () => Promise<void>, onConflict?: string): Promise<void> {
    try {
      await work()
    } catch (error) {
      const conflict = error instanceof ApiError && error.status === 409
      toast.error(conflict && onConflict ? onConflict : error instanceof Error ? error.message : String(error))
    }
  }
}

/** A name that is safe in every file system. */
function cleanName(name: string): string {
  const clean = name
    .replace(/\.json$/i, '')
    .replace(/[<>:"|?*\\]/g, '-')
    .replace(/^\/+|\/+$/g, '')
    .trim()
  return clean === '' || clean.startsWith('.') ? `workflow ${clean}`.trim() : clean
}

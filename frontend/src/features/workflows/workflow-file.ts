/** One open workflow as a file: where it came from, whether it is saved, and saving it. */
import { toast } from 'sonner'
import { createStore, type StoreApi } from 'zustand/vanilla'
import { ApiError, type ApiClient } from '@/api/client'
import type { DraftChange } from '@/document/drafts'
import type { EditorDocument } from '@/document/editor-document'
import { stringifyLossless } from '@/formats/lossless-json'
import { exportV04 } from '@/formats/litegraph-v04/export'
import { cleanName, ENDING, inFolder, nameOf, PROMPT_ENDING } from '@/features/workflows/names'
import { t } from '@/i18n'
import { ask, askText } from '@/ui/page'

export interface FileState {
  /** Path below the folder of workflows; `null` while the workflow was never saved. */
  readonly path: string | null
  /** Name for people while there is no path. */
  readonly title: string
  readonly dirty: boolean
}

/** Name for people of what is open. */
export const shownName = ({ path, title }: FileState): string => (path === null ? title : nameOf(path))

export interface FileParts {
  readonly api: ApiClient
  readonly document: EditorDocument
  /** Told of every change, to be remembered beside the draft. */
  readonly remember: (change: DraftChange) => void
  /** Called after a file was written. */
  readonly saved: () => void
}

export class WorkflowFile {
  readonly store: StoreApi<FileState>
  readonly #parts: FileParts
  #quiet = false

  constructor(parts: FileParts, first: FileState) {
    this.#parts = parts
    this.store = createStore<FileState>(() => first)
    parts.document.subscribeContent(() => {
      if (!this.#quiet && !this.state.dirty) this.set({ dirty: true })
    })
  }

  get state(): FileState {
    return this.store.getState()
  }

  set(change: Partial<FileState>): void {
    this.store.setState(change)
    const { path, title, dirty } = this.state
    this.#parts.remember({ path, name: title, dirty })
  }

  /** Changes the document without marking it as unsaved: seeds after a run, another workflow in its place. */
  quietly(change: () => void): void {
    this.#quiet = true
    try {
      change()
    } finally {
      this.#quiet = false
    }
  }

  /** False when the person gave it up or the server refused. */
  async save(): Promise<boolean> {
    const { path } = this.state
    return path === null ? this.saveAs() : this.#write(path, true)
  }

  async saveAs(): Promise<boolean> {
    const { path } = this.state
    const name = await askText({
      title: t('workflows.saveTitle'),
      label: t('workflows.name'),
      value: shownName(this.state),
      confirm: t('workflows.save'),
    })
    if (name === null) return false
    return this.#write(cleanName(name) + ENDING, name === (path && nameOf(path)))
  }

  /** The document in the file format, as text. */
  text(): string {
    const { document } = this.#parts
    return stringifyLossless(exportV04(document.toGraph(), document.definitions))
  }

  /** Name of a downloaded copy. */
  get downloadName(): string {
    return shownName(this.state).replace(/[\\/]/g, '-') + ENDING
  }

  /** Name of a downloaded prompt, beside which a downloaded copy keeps its own. */
  get promptName(): string {
    return shownName(this.state).replace(/[\\/]/g, '-') + PROMPT_ENDING
  }

  async #write(path: string, overwrite: boolean): Promise<boolean> {
    try {
      await this.#parts.api.writeUserFile(inFolder(path), this.text(), { overwrite })
      this.set({ path, title: nameOf(path), dirty: false })
      this.#parts.saved()
      return true
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      if (error.status !== 409) {
        toast.error(error.message)
        return false
      }
      const replace = await ask({
        title: t('workflows.replaceTitle', { name: nameOf(path) }),
        text: t('workflows.replaceText'),
        confirm: t('workflows.replaceConfirm'),
        danger: true,
      })
      return replace && this.#write(path, true)
    }
  }
}

/** The workflows that are saved on the server: the list, renaming, deleting. */
import { createStore, type StoreApi } from 'zustand/vanilla'
import { ApiError, type ApiClient, type UserFile } from '@/api/client'
import { cleanName, ENDING, FOLDER, inFolder, nameOf } from '@/features/workflows/names'
import { tellError } from '@/features/tell-error'
import { t } from '@/i18n'
import { ask, askText } from '@/ui/page'

/** Where a saved workflow went: to another path, or away. */
export type MovedListener = (from: string, to: string | null) => void

export class WorkflowShelf {
  readonly store: StoreApi<{ readonly list: readonly UserFile[] }> = createStore(() => ({
    list: [] as readonly UserFile[],
  }))
  readonly #api: ApiClient
  readonly #moved: MovedListener

  constructor(api: ApiClient, moved: MovedListener) {
    this.#api = api
    this.#moved = moved
  }

  /** Reads the list again, the last changed first. */
  async refresh(): Promise<void> {
    try {
      const files = (await this.#api.listUserFiles(FOLDER)).filter((file) => file.path.endsWith(ENDING))
      this.store.setState({ list: files.sort((a, b) => b.modified - a.modified) })
    } catch (error) {
      tellError(error)
    }
  }

  /** Content of a saved workflow. */
  read(path: string): Promise<string> {
    return this.#api.readUserFile(inFolder(path))
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
    try {
      await this.#api.moveUserFile(inFolder(path), inFolder(to))
      this.#moved(path, to)
    } catch (error) {
      if (error instanceof ApiError && error.status === 409) tellError(t('workflows.exists', { name }))
      else tellError(error)
    }
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
    try {
      await this.#api.deleteUserFile(inFolder(path))
      this.#moved(path, null)
    } catch (error) {
      tellError(error)
    }
    await this.refresh()
  }
}

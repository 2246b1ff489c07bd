/** Opens workflows: saved ones, templates, those of finished prompts, and texts that somebody pasted or dropped. */
import type { HistoryRecord } from '@/api/wire'
import type { Shared } from '@/features/app'
import type { Template } from '@/features/templates/templates'
import { tellError } from '@/features/tell-error'
import { nameOf } from '@/features/workflows/names'
import { readWorkflow } from '@/features/workflows/read-workflow'
import type { ImportResult } from '@/formats/import-result'
import { openText } from '@/formats/open-file'
import { t } from '@/i18n'

/** Shows a saved workflow; one that is open already is not opened twice. */
export async function openSaved({ tabs, shelf }: Shared, path: string): Promise<void> {
  await telling(async () => {
    const known = tabs.withPath(path)
    if (known && (await tabs.show(known.id))) return
    const text = await shelf.read(path)
    await tabs.open(await openText(text, tabs.current.document.definitions), { path, title: nameOf(path) })
  })
}

export async function openTemplate(shared: Shared, template: Template): Promise<void> {
  await telling(() => loadTemplate(shared, template.name, template.title))
}

/** Shows a template of the server; also what a first visit starts with. */
export async function loadTemplate({ api, tabs }: Shared, name: string, title: string): Promise<void> {
  const json = await api.getJson(`v1/templates/${encodeURIComponent(name)}.json`)
  const result = await readWorkflow(json, tabs.current.document.definitions)
  // Its author's window was another: show all of it.
  await tabs.open({ ...result, graph: { ...result.graph, viewport: null } }, { path: null, title })
}

/** Shows the workflow of a finished prompt, with its results on the nodes. */
export async function openRecord({ tabs, session }: Shared, record: HistoryRecord): Promise<void> {
  await telling(async () => {
    const result = await readWorkflow(record.workflow ?? record.prompt, tabs.current.document.definitions)
    const title = t('workflows.fromHistory', { n: record.number })
    const { id } = await tabs.open(result, { path: null, title, dirty: true })
    await session.showRecord(id, record)
  })
}

/** Opens a workflow given as text of any known format. */
export async function openWorkflowText(shared: Shared, text: string, title: string): Promise<void> {
  await telling(async () => showImported(shared, await openText(text, shared.tabs.current.document.definitions), title))
}

/** Shows what was read from a file or the clipboard. */
export async function showImported({ tabs }: Shared, result: ImportResult, title: string): Promise<void> {
  await tabs.open(result, { path: null, title, dirty: true })
}

async function telling(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    tellError(error)
  }
}

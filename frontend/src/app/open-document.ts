/** Makes the parts of one tab around a draft: canvas, runs, file. Called by editor-app.ts. */
import { CanvasView } from '@/canvas/canvas-view'
import type { Draft, DraftChange } from '@/document/drafts'
import type { App, Shared } from '@/features/app'
import { tellError } from '@/features/tell-error'
import { WorkflowFile } from '@/features/workflows/workflow-file'
import { t } from '@/i18n'

export function openDocument(shared: Shared, draft: Draft, remember: (change: DraftChange) => void): App {
  const { document } = draft
  const { id, path, name, dirty } = draft.info()
  const { definitions } = shared.catalog.getState()
  if (definitions) document.setDefinitions(definitions)
  const file = new WorkflowFile(
    { api: shared.api, document, remember, saved: () => void shared.shelf.refresh() },
    { path, title: name || t('workflows.untitled'), dirty },
  )
  return {
    ...shared,
    id,
    document,
    canvas: new CanvasView(),
    run: shared.session.runOf(id),
    file,
    async uploadInto(node, input, picture) {
      try {
        const stored = await shared.api.uploadImage(picture)
        await shared.refreshDefinitions()
        document.setWidget(node, input, stored.subfolder ? `${stored.subfolder}/${stored.filename}` : stored.filename)
      } catch (error) {
        tellError(error)
      }
    },
  }
}

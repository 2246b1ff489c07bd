/** Makes the parts of one tab around a draft: canvas, runs, file. Called by editor-app.ts. */
import type { FileRef } from '@/api/wire'
import { CanvasView } from '@/canvas/canvas-view'
import type { Draft, DraftChange } from '@/document/drafts'
import type { EditorDocument } from '@/document/editor-document'
import type { App, Shared } from '@/features/app'
import { tellError } from '@/features/tell-error'
import { WorkflowFile } from '@/features/workflows/workflow-file'
import { nameInMenu } from '@/features/import/file-names'
import type { NodeId } from '@/graph/model'
import { t } from '@/i18n'

/** The folder of the server that an upload menu offers files of. */
function folderOf(document: EditorDocument, node: NodeId, input: string): FileRef['type'] {
  const declared = document.definitionOf(node)?.inputs.find((entry) => entry.name === input)
  return declared?.options['image_folder'] === 'output' ? 'output' : 'input'
}

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
        const stored = await shared.api.uploadImage(picture, { type: folderOf(document, node, input) })
        await shared.refreshDefinitions()
        document.setWidget(node, input, nameInMenu(stored))
      } catch (error) {
        tellError(error)
      }
    },
  }
}

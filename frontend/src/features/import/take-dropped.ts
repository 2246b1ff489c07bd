/** What happens to dropped things: a workflow is opened, a picture without one becomes a Load Image node. */
import { NotAWorkflow } from '@/formats/import-result'
import { openFile } from '@/formats/open-file'
import { parseLossless } from '@/formats/lossless-json'
import { isObject, text as textOf, type FileRef } from '@/api/wire'
import type { App } from '@/features/app'
import { nameInMenu } from '@/features/import/file-names'
import { addFound } from '@/features/search/add-found'
import { tellError } from '@/features/tell-error'
import { showImported } from '@/features/workflows/opening'

export interface Dropped {
  readonly files: readonly File[]
  /** Node class out of the library, or empty. */
  readonly classType: string
  /** A picture of the server as JSON, or empty. */
  readonly picture: string
}

const LOADER = 'LoadImage'

/** `at`: place on the screen. */
export async function takeDropped(
  app: App,
  { files, classType, picture }: Dropped,
  at: { x: number; y: number },
): Promise<void> {
  const definition = classType ? app.document.definitions.get(classType) : undefined
  if (definition) addFound(app, definition, { ...at, from: null })
  if (picture) placePicture(app, readFile(picture), at)
  let { y } = at
  for (const file of files) {
    await takeFile(app, file, { x: at.x, y })
    y += 60
  }
}

async function takeFile(app: App, file: File, at: { x: number; y: number }): Promise<void> {
  try {
    await showImported(app, await openFile(file, app.document.definitions), file.name.replace(/\.[^.]+$/, ''))
  } catch (error) {
    if (!(error instanceof NotAWorkflow) || !file.type.startsWith('image/')) return tellError(error, file.name)
    await app.api
      .uploadImage(file)
      .then(async (stored) => {
        await app.refreshDefinitions()
        placePicture(app, stored, at)
      })
      .catch((reason: unknown) => tellError(reason, file.name))
  }
}

/** A Load Image node that shows a picture of the server. */
function placePicture(app: App, file: FileRef | null, at: { x: number; y: number }): void {
  if (!file || !app.document.definitions.get(LOADER)) return
  const { x, y } = app.canvas.toGraph(at.x, at.y)
  const id = app.document.addNode(LOADER, [Math.round(x), Math.round(y)], { widgets: { image: nameInMenu(file) } })
  app.canvas.select([id])
}

function readFile(json: string): FileRef | null {
  try {
    const found = parseLossless(json)
    if (!isObject(found) || typeof found['filename'] !== 'string') return null
    const type = found['type'] === 'input' || found['type'] === 'temp' ? found['type'] : 'output'
    return { filename: found['filename'], subfolder: textOf(found['subfolder']), type }
  } catch {
    return null
  }
}

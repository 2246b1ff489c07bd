/** From a dropped or chosen file to a graph: JSON of any known kind, or a picture that carries its workflow. */
import type { DefinitionSource } from '../definitions/types'
import { layoutGraph } from '../graph/layout'
import { NotAWorkflow, type ImportResult } from './import-result'
import { isPng, readPngTexts } from './media-metadata/png'
import { importText } from './recognise'

/** Largest file that is looked into, in bytes. */
const LARGEST_FILE = 256 * 1024 * 1024

/**
 * Reads a file. Graphs without positions are laid out. Throws {@link NotAWorkflow} with a sentence when there is no
 * workflow in it (a picture without one may still be wanted as an input).
 */
export async function openFile(
  file: Blob & { readonly name?: string },
  definitions: DefinitionSource,
): Promise<ImportResult> {
  if (file.size > LARGEST_FILE) throw new NotAWorkflow('This file is too large to be a workflow.')
  const bytes = new Uint8Array(await file.arrayBuffer())
  if (isPng(bytes)) return openTexts(await readPngTexts(bytes), definitions)
  if (file.type.startsWith('image/') || file.type.startsWith('video/') || file.type.startsWith('audio/')) {
    throw new NotAWorkflow('This file carries no workflow that can be read.')
  }
  return openText(new TextDecoder().decode(bytes), definitions)
}

/** Reads a JSON text and lays it out when it has no positions. */
export async function openText(text: string, definitions: DefinitionSource): Promise<ImportResult> {
  const result = importText(text, definitions)
  if (!result.needsLayout) return result
  return { ...result, graph: await layoutGraph(result.graph, definitions), needsLayout: false }
}

/** The workflow wins over the prompt; a broken workflow does not hide a good prompt. */
async function openTexts(texts: ReadonlyMap<string, string>, definitions: DefinitionSource): Promise<ImportResult> {
  let failure: unknown = new NotAWorkflow('This picture carries no workflow.')
  for (const key of ['workflow', 'prompt']) {
    const text = texts.get(key)
    if (text === undefined) continue
    try {
      return await openText(text, definitions)
    } catch (error) {
      failure = error
    }
  }
  throw failure
}

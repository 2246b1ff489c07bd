/** Reads a workflow that is JSON already, of any known format; places its nodes when it has no positions. */
import type { DefinitionSource } from '@/definitions/types'
import type { ImportResult } from '@/formats/import-result'
import { importWorkflow } from '@/formats/recognise'
import { layoutGraph } from '@/graph/layout'
import type { Json } from '@/graph/model'

export async function readWorkflow(json: Json, definitions: DefinitionSource): Promise<ImportResult> {
  const result = importWorkflow(json, definitions)
  if (!result.needsLayout) return result
  return { ...result, graph: await layoutGraph(result.graph, definitions), needsLayout: false }
}

/** Finds out which kind of document a JSON value is, and reads it. */
import type { DefinitionSource } from '../definitions/types'
import type { Json } from '../graph/model'
import { importApiWorkflow, isApiWorkflow } from './api-json/import'
import { NotAWorkflow, type ImportResult } from './import-result'
import { isObject } from './json-access'
import { JsonSyntaxError, parseLossless } from './lossless-json'
import { importV04 } from './litegraph-v04/import'
import { importV1 } from './litegraph-v1/import'

/** Kinds of workflow documents. */
export type DocumentKind = 'v0.4' | 'v1' | 'api' | 'comfy-creator-legacy'

/** The kind of a parsed document; null when it is none. */
export function recognise(value: Json): DocumentKind | null {
  if (!isObject(value)) return null
  if (Array.isArray(value['nodes'])) {
    if (Array.isArray(value['edges'])) return 'comfy-creator-legacy'
    return value['version'] === 1 ? 'v1' : 'v0.4'
  }
  return isApiWorkflow(value) ? 'api' : null
}

/** Reads any known kind of document. Throws {@link NotAWorkflow} with a sentence when it is none. */
export function importWorkflow(value: Json, definitions: DefinitionSource): ImportResult {
  const kind = recognise(value)
  switch (kind) {
    case 'v0.4':
      return importV04(value as never, definitions)
    case 'v1':
      return importV1(value as never, definitions)
    case 'api':
      return importApiWorkflow(value as never, definitions)
    case 'comfy-creator-legacy':
      throw new NotAWorkflow('This file was saved by the first Comfy Creator; that format cannot be opened yet.')
    case null:
      throw new NotAWorkflow('This file is JSON, but no workflow: it has neither a list of nodes nor API nodes.')
  }
}

/** Reads a text; see {@link importWorkflow}. */
export function importText(text: string, definitions: DefinitionSource): ImportResult {
  let value: Json
  try {
    value = parseLossless(text)
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error
    throw new NotAWorkflow(`This is not JSON: ${error.message}.`)
  }
  return importWorkflow(value, definitions)
}

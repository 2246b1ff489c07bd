/** Reads a v1 workflow by rewriting it as v0.4: links become tuples, reroutes move to `extra`, counters get their names. */
import type { DefinitionSource } from '../../definitions/types'
import type { Json, JsonObject } from '../../graph/model'
import type { ImportResult } from '../import-result'
import { asArray, asNumber, asObject, isObject } from '../json-access'
import { importV04 } from '../litegraph-v04/import'

/** Imports a v1 document. */
export function importV1(file: JsonObject, definitions: DefinitionSource): ImportResult {
  return importV04(asV04(file), definitions)
}

function asV04({ state, links, reroutes, version: _version, extra, ...rest }: JsonObject): JsonObject {
  const counters = asObject(state)
  const linkObjects = asArray(links).filter(isObject)
  const extensions = linkObjects.flatMap((link) =>
    link['parentId'] === undefined || link['parentId'] === null
      ? []
      : [{ id: link['id'] ?? null, parentId: link['parentId'] }],
  )
  const moved: JsonObject = { ...asObject(extra) }
  if (asArray(reroutes).length > 0) moved['reroutes'] = reroutes as Json
  if (extensions.length > 0) moved['linkExtensions'] = extensions
  return {
    ...rest,
    last_node_id: asNumber(counters['lastNodeId']) ?? 0,
    last_link_id: asNumber(counters['lastLinkId']) ?? 0,
    links: asArray(links).map(asTuple),
    extra: moved,
    version: 0.4,
  }
}

function asTuple(link: Json): Json {
  if (!isObject(link)) return link
  const { id, origin_id, origin_slot, target_id, target_slot, type } = link
  return [id ?? null, origin_id ?? null, origin_slot ?? null, target_id ?? null, target_slot ?? null, type ?? '*']
}

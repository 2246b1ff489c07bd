/** What the page needs to run a document: the compiled prompt with its embedded workflow, and the step after queueing. */
import { compile, type Blocker, type CompileOptions } from '../graph/compile/compile'
import { controlChanges } from '../graph/compile/seed-control'
import { exportV04 } from '../formats/litegraph-v04/export'
import { asArray, asObject, without } from '../formats/json-access'
import type { JsonObject } from '../graph/model'
import type { EditorDocument } from './editor-document'

/** Ready to be sent, or what stands in the way. */
export type RunPlan =
  | { readonly ok: true; readonly prompt: JsonObject; readonly workflow: JsonObject }
  | { readonly ok: false; readonly blockers: readonly Blocker[] }

/** Compiles a document for a run. `version` is the front end's, for the embedded workflow. */
export function planRun(document: EditorDocument, version: string, options: CompileOptions = {}): RunPlan {
  const graph = document.toGraph()
  const compiled = compile(graph, document.definitions, options)
  if (!compiled.ok) return compiled
  return { ok: true, prompt: compiled.prompt, workflow: forRun(exportV04(graph, document.definitions), version) }
}

const TRANSLATED = new Set(['localized_name'])

/** The document as it goes into a picture's metadata: without translations, with the writer's version. */
function forRun(workflow: JsonObject, version: string): JsonObject {
  const slots = (value: unknown) => asArray(value).map((slot) => without(asObject(slot), TRANSLATED))
  const nodes = asArray(workflow['nodes']).map((entry) => {
    const node = asObject(entry)
    return { ...node, inputs: slots(node['inputs']), outputs: slots(node['outputs']) }
  })
  return { ...workflow, nodes, extra: { ...asObject(workflow['extra']), frontendVersion: version } }
}

/** Applies control after generate to all nodes; call it after each queued run. No undo step. */
export function applyControls(document: EditorDocument, random: () => number = Math.random): void {
  const changes = controlChanges(document, document.getTopology().nodeIds, random)
  if (changes.length === 0) return
  document.transact(
    'Next seed',
    () => {
      for (const [node, widget, value] of changes) document.setWidget(node, widget, value)
    },
    { undoable: false },
  )
}

/** Adds a node where somebody asked for one and connects it to the wire that was dropped there. */
import type { Editor } from '@/canvas/editor'
import { parseHandle } from '@/definitions/handles'
import { defaultSize, TITLE_HEIGHT } from '@/definitions/layout'
import type { NodeDefinition } from '@/definitions/types'
import type { ConnectionRequest } from '@/document/types'
import { countUse } from '@/features/search/usage'
import type { NodeId, Point } from '@/graph/model'
import { t } from '@/i18n'
import { announce } from '@/ui/announce'
import type { SearchRequest } from '@/ui/page'

/** One undo step. Returns the new node's id. */
export function addFound(editor: Editor, definition: NodeDefinition, request: SearchRequest): NodeId {
  const { document, canvas } = editor
  const from = request.from ? parseHandle(request.from.node, request.from.handle) : null
  const spot = canvas.toGraph(request.x, request.y)
  const [width] = defaultSize(definition)
  // A node made for an input ends where the wire was dropped; all others begin there.
  const left = from?.side === 'input' ? spot.x - width : spot.x
  const pos: Point = [Math.round(left), Math.round(spot.y + TITLE_HEIGHT / 2)]
  const id = document.transact(t('step.add'), () => {
    const added = document.addNode(definition.classType, pos)
    if (from) connectFirst(editor, definition, added, from)
    return added
  })
  countUse(definition.classType)
  canvas.select([id])
  canvas.focus()
  const linked = from !== null && document.linksFrom(id).length + document.linksInto(id).length > 0
  announce(t(linked ? 'node.addedLinked' : 'node.added', { name: definition.displayName }))
  return id
}

type From = NonNullable<ReturnType<typeof parseHandle>>

function connectFirst(editor: Editor, definition: NodeDefinition, added: NodeId, from: From): void {
  const requests: ConnectionRequest[] =
    from.side === 'output'
      ? byPreference(definition).map((name) => ({
          source: from.node,
          sourceSlot: from.slot,
          target: added,
          targetInput: name,
        }))
      : definition.outputs.map((output) => ({
          source: added,
          sourceSlot: output.index,
          target: from.node,
          targetInput: from.input,
        }))
  requests.some((request) => editor.document.connect(request).ok)
}

/** Sockets before widgets. */
function byPreference(definition: NodeDefinition): string[] {
  const sockets = definition.inputs.filter((input) => input.kind === 'socket')
  const widgets = definition.inputs.filter((input) => input.kind === 'widget')
  return [...sockets, ...widgets].map((input) => input.name)
}

/** Random but repeatable editing, as a hurried person would do it. */
import type { EditorDocument } from '../document/editor-document'
import { NodeMode } from '../graph/model'
import { pick } from './random'

const CLASSES = [
  'KSampler',
  'CLIPTextEncode',
  'LoadImage',
  'ImageScale',
  'ImageBlend',
  'Reroute',
  'PrimitiveNode',
  'Note',
  'VAEEncode',
]

/** One random operation. */
export function randomEdit(document: EditorDocument, random: () => number): void {
  const ids = document.getTopology().nodeIds
  const id = pick(ids, random)
  const some = () => ids.filter(() => random() < 0.3)
  const edits: (() => unknown)[] = [
    () => document.addNode(pick(CLASSES, random) ?? '', [Math.floor(random() * 500), Math.floor(random() * 500)]),
    () => randomConnect(document, random),
    () => randomConnect(document, random),
    () => document.removeNodes(some().slice(0, 3)),
    () =>
      document.removeLinks(
        document
          .getTopology()
          .links.filter(() => random() < 0.2)
          .map((link) => link.id),
      ),
    () => document.moveNodes(some().map((node) => [node, [Math.floor(random() * 500), 0]] as const)),
    () => id && document.setWidget(id, 'seed', BigInt(Math.floor(random() * 1e6)) * 10n ** 13n),
    () => id && document.setWidget(id, 'text', String(random())),
    () => id && document.setTitle(id, random() < 0.3 ? null : 'title'),
    () => document.setMode(some(), pick(Object.values(NodeMode), random) ?? 0),
    () => document.setCollapsed(some(), random() < 0.5),
    () => id && document.setSize(id, random() < 0.3 ? null : [300, 200]),
    () => document.duplicate(some().slice(0, 3)),
    () => document.paste(document.copy(some().slice(0, 3)), { at: [0, 0] }),
    () => document.addGroup('g', [0, 0, 100, 100]),
    () => document.updateGroup(pick(document.getGroups(), random)?.id ?? '', { title: 'renamed' }),
    () =>
      document.removeGroups(
        document
          .getGroups()
          .filter(() => random() < 0.3)
          .map((group) => group.id),
      ),
  ]
  pick(edits, random)?.()
}

function randomConnect(document: EditorDocument, random: () => number): void {
  const ids = document.getTopology().nodeIds
  const source = pick(ids, random)
  const target = pick(ids, random)
  if (source === undefined || target === undefined) return
  const output = pick(document.definitionOf(source)?.outputs ?? [], random)
  const input = pick(document.definitionOf(target)?.inputs ?? [], random)
  if (output && input) document.connect({ source, sourceSlot: output.index, target, targetInput: input.name })
}

import * as Y from 'yjs'
import { describe, expect, it } from 'vitest'
import { exportV04 } from '../formats/litegraph-v04/export'
import { importV04 } from '../formats/litegraph-v04/import'
import { parseLossless, stringifyLossless } from '../formats/lossless-json'
import { ancestors } from '../graph/cycles'
import type { Graph } from '../graph/model'
import { testDefinitions } from '../test/class-source'
import { pick, seededRandom } from '../test/random'
import { randomEdit } from '../test/random-edits'
import { EditorDocument, emptyDocument } from './editor-document'

const definitions = testDefinitions()
const SEEDS = Array.from({ length: 12 }, (_, at) => at + 1)

/** Everything but the counters, which only ever grow. */
const content = ({ nodes, links, groups }: Graph) => ({ nodes, links, groups })

function expectWhole(document: EditorDocument): void {
  const { nodeIds, links } = document.getTopology()
  const ids = new Set(nodeIds)
  const inputs = links.map((link) => JSON.stringify([link.target, link.targetInput]))
  expect(new Set(inputs).size).toBe(inputs.length)
  expect(new Set(links.map((link) => link.id)).size).toBe(links.length)
  for (const link of links) expect(ids.has(link.source) && ids.has(link.target)).toBe(true)
}

describe.each(SEEDS)('random editing, seed %i', (seed) => {
  it('is taken back completely by undo, and repeated by redo', () => {
    const random = seededRandom(seed)
    const document = emptyDocument(definitions)
    for (let step = 0; step < 10; step++) randomEdit(document, random)
    const start = document.toGraph()
    const edited = EditorDocument.fromGraph(start, definitions)
    for (let step = 0; step < 60; step++) {
      randomEdit(edited, random)
      if (random() < 0.1) edited.undo()
      edited.endStep()
    }
    while (edited.getHistory().canRedo) edited.redo()
    const end = content(edited.toGraph())
    while (edited.getHistory().canUndo) edited.undo()
    expect(content(edited.toGraph())).toEqual(content(start))
    while (edited.getHistory().canRedo) edited.redo()
    expect(content(edited.toGraph())).toEqual(end)
    expectWhole(edited)
  })

  it('survives a file without a difference', () => {
    const random = seededRandom(seed + 1000)
    const document = emptyDocument(definitions)
    for (let step = 0; step < 60; step++) randomEdit(document, random)
    const file = exportV04(document.toGraph(), definitions)
    const again = importV04(parseLossless(stringifyLossless(file)) as never, definitions)
    expect(again.warnings).toEqual([])
    expect(exportV04(again.graph, definitions)).toEqual(file)
    const links = ({ links }: Graph) => links
    expect(links(again.graph)).toEqual(links(document.toGraph()))
  })

  it('never makes a circle', () => {
    const random = seededRandom(seed + 2000)
    const document = emptyDocument(definitions)
    for (let step = 0; step < 80; step++) randomEdit(document, random)
    for (const link of document.getTopology().links) {
      expect(ancestors(document, link.source).has(link.target)).toBe(false)
    }
  })

  it('of two people ends in the same whole graph', () => {
    const random = seededRandom(seed + 3000)
    const people = [new EditorDocument({ definitions }), new EditorDocument({ definitions })] as const
    people[0].load(emptyDocument(definitions).toGraph())
    exchange(people)
    for (let round = 0; round < 8; round++) {
      for (let step = 0; step < 8; step++) {
        const person = pick(people, random) as EditorDocument
        if (random() < 0.1) person.undo()
        else randomEdit(person, random)
      }
      exchange(people)
      expectWhole(people[0])
      expectWhole(people[1])
    }
    expect(content(people[0].toGraph())).toEqual(content(people[1].toGraph()))
  })
})

/** Both get what they lack, until nothing is left to send (repairs are changes too). */
function exchange([a, b]: readonly [EditorDocument, EditorDocument]): void {
  for (let turn = 0; turn < 4; turn++) {
    const [fromA, fromB] = [missing(a.ydoc, b.ydoc), missing(b.ydoc, a.ydoc)]
    Y.applyUpdate(b.ydoc, fromA)
    Y.applyUpdate(a.ydoc, fromB)
  }
}

const missing = (from: Y.Doc, to: Y.Doc): Uint8Array => Y.encodeStateAsUpdate(from, Y.encodeStateVector(to))

import { describe, expect, it, vi } from 'vitest'
import type { PromptRequest } from '@/api/wire'
import type { EditorDocument } from '@/document/editor-document'
import { emptyDocument } from '@/document/editor-document'
import type { App } from '@/features/app'
import { promptText, Runner } from '@/features/run/runner'
import { parseLossless } from '@/formats/lossless-json'
import { testDefinitions } from '@/test/class-source'
import { usePage } from '@/ui/page'

const SEED = 18446744073709551615n

/** The parts of an open tab that a run touches; `sent` collects what is queued. */
function tabOf(document: EditorDocument) {
  const sent: PromptRequest[] = []
  const queuePrompt = (request: PromptRequest) => {
    sent.push(request)
    return Promise.resolve({ promptId: 'p', number: 1, nodeErrors: {} })
  }
  const file = { quietly: (change: () => void) => change() }
  return { app: { document, file, run: { queuePrompt }, canvas: { select: vi.fn() } } as unknown as App, sent }
}

function chain() {
  const document = emptyDocument(testDefinitions())
  const loader = document.addNode('CheckpointLoaderSimple', [0, 0])
  const sampler = document.addNode('KSampler', [300, 0])
  document.connect({ source: loader, sourceSlot: 0, target: sampler, targetInput: 'model' })
  document.setWidget(sampler, 'seed', SEED)
  document.setWidget(sampler, 'seed/control', 'fixed')
  return { document, loader, sampler }
}

describe('the prompt as a file', () => {
  it('is what Run sends, with every digit of the seed', async () => {
    const { document, loader, sampler } = chain()
    const { app, sent } = tabOf(document)
    const text = await promptText(app)
    await new Runner().queue(app)
    expect(sent).toHaveLength(1)
    const prompt = parseLossless(text ?? '')
    expect(prompt).toEqual(sent[0]?.prompt)
    expect(prompt).toHaveProperty([sampler, 'inputs', 'seed'], SEED)
    expect(prompt).toHaveProperty([sampler, 'inputs', 'model'], [loader, 0])
    expect(text).toContain('"seed":18446744073709551615')
  })

  it.each([
    ['left out', true, 2],
    ['kept', false, null],
  ])('asks about unknown classes: %s', async (_answer, yes, nodes) => {
    const { document } = chain()
    document.addNode('NobodyKnowsThis', [0, 300])
    const asked = promptText(tabOf(document).app)
    await vi.waitFor(() => expect(usePage.getState().question).not.toBeNull())
    expect(usePage.getState().question).toMatchObject({ text: expect.stringContaining('NobodyKnowsThis') as string })
    usePage.getState().question?.answer(yes ? '' : null)
    const text = await asked
    expect(text === null ? null : Object.keys(JSON.parse(text) as object).length).toBe(nodes)
  })
})

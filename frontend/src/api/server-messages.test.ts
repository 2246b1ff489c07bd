/**
 * The page's readers on what the server really sends: the examples are written by the server's own code, and a test
 * there compares them (tests/contract/write_server_messages.py).
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Json, JsonObject } from '../graph/model'
import { server } from '../test/answers'
import examples from '../test/fixtures/server-messages.json'
import { decodeBinary, decodeText, type ServerEvent } from './events'
import { RunSession } from './run-session'
import { initialRunState, reduceRun } from './run-state'
import { initialServerState, reduceServer } from './server-state'
import { filesOf, type QueueItem } from './wire'

/** When each prompt began and ended by the server's clock, which goes on by one with each look. */
const START = 1700000000000
const END = START + 9
const RECEIVED = 7
const images = { images: [{ filename: 'ä.png', subfolder: 'sub', type: 'output' }] }
const bytes = (text: string) => new Uint8Array(new TextEncoder().encode(text))

const TEXTS: Record<keyof typeof examples.texts, ServerEvent> = {
  'status (told on connect)': { type: 'status', queueRemaining: 0, sid: 'page' },
  status: { type: 'status', queueRemaining: 2, sid: null },
  executor_state: { type: 'other', name: 'executor_state', data: { state: 'dead', detail: 'It was ended.' } },
  feature_flags: { type: 'feature_flags', flags: { supports_preview_metadata: true, max_upload_size: 1000 } },
  logs: {
    type: 'other',
    name: 'logs',
    data: { entries: [{ t: '2023-11-14T22:13:20.000+00:00', m: 'größer' }], size: null },
  },
  'executing (told on connect)': { type: 'executing', promptId: null, node: '3', receivedAt: RECEIVED },
  'executing (the prompt is over)': { type: 'executing', promptId: 'success', node: null, receivedAt: RECEIVED },
  execution_start: { type: 'execution_start', promptId: 'interrupted', at: START },
  execution_cached: { type: 'execution_cached', promptId: 'interrupted', nodes: ['1'] },
  progress_state: {
    type: 'progress_state',
    promptId: 'interrupted',
    nodes: [
      { node: '2', state: 'finished', value: 1, max: 1 },
      { node: '3', state: 'running', value: 5, max: 20 },
    ],
    receivedAt: RECEIVED,
  },
  executing: { type: 'executing', promptId: 'interrupted', node: '3', receivedAt: RECEIVED },
  executed: { type: 'executed', promptId: 'interrupted', node: '2', output: images, receivedAt: RECEIVED },
  // This message names no node of the canvas.
  progress: { type: 'progress', promptId: 'interrupted', node: '3:1', value: 5, max: 20, receivedAt: RECEIVED },
  execution_success: { type: 'execution_success', promptId: 'success', at: END, receivedAt: RECEIVED },
  execution_error: {
    type: 'execution_error',
    promptId: 'error',
    node: '2',
    nodeType: 'SaveImage',
    message: 'no',
    errorType: 'ValueError',
    traceback: ['line 1', 'line 2'],
  },
  execution_interrupted: { type: 'execution_interrupted', promptId: 'interrupted', node: '2' },
}

const about = { type: 'preview', promptId: 'interrupted', node: '3' } as const
const nameless = { type: 'preview', promptId: null, node: null } as const
const shown: ServerEvent = { type: 'text', node: '3:1', text: 'ein Würfel' }

const BINARIES: Record<keyof typeof examples.binaries, ServerEvent> = {
  preview: { ...about, mime: 'image/jpeg', bytes: bytes('small') },
  'preview (without metadata)': { ...nameless, mime: 'image/jpeg', bytes: bytes('small') },
  picture: { ...about, mime: 'image/png', bytes: bytes('whole') },
  'picture (without metadata)': { ...nameless, mime: 'image/png', bytes: bytes('whole') },
  progress_text: shown,
  'progress_text (without metadata)': shown,
}

/** Kinds of messages that the page reads and then leaves alone. */
const WITHOUT_USE = ['feature_flags', 'logs'] as const

const answer = (name: keyof typeof examples.answers): string => JSON.stringify(examples.answers[name])

/** A socket that never opens. */
class SilentSocket extends EventTarget {
  close(): void {}
}

/** A client of a server that gives the examples. */
function exampleServer() {
  return server((url) => {
    const path = new URL(url).pathname.replace('/api/', '')
    const name = [`GET ${path}`, `POST ${path}`].find((each) => each in examples.answers)
    return name ? new Response(answer(name as keyof typeof examples.answers)) : new Response('', { status: 404 })
  })
}

const PROMPT: JsonObject = {
  1: { class_type: 'EmptyImage', inputs: { width: 64, height: 64, batch_size: 1, color: 0 } },
  2: { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'x' } },
  4: { class_type: 'SaveImage', inputs: { filename_prefix: 'x' } },
}
const WORKFLOW = { version: 0.4, nodes: [] }
const queued = (promptId: string, number: number): QueueItem => ({
  promptId,
  number,
  prompt: PROMPT,
  workflow: WORKFLOW,
  clientId: 'page',
})

describe('what the server sends through the socket', () => {
  it('has a meaning for the page, message by message', () => {
    expect(Object.keys(examples.texts).sort()).toEqual(Object.keys(TEXTS).sort())
    expect(Object.keys(examples.binaries).sort()).toEqual(Object.keys(BINARIES).sort())
  })

  it.each(Object.entries(TEXTS))('%s', (name, event) => {
    const frame = examples.texts[name as keyof typeof examples.texts]
    expect(decodeText(JSON.stringify(frame), RECEIVED)).toEqual(event)
  })

  it.each(Object.entries(BINARIES))('%s as a binary frame', (name, event) => {
    const frame = Uint8Array.from(atob(examples.binaries[name as keyof typeof examples.binaries]), (each) =>
      each.charCodeAt(0),
    )
    expect(decodeBinary(frame.buffer)).toEqual(event)
  })
})

describe('what the server answers', () => {
  const { client } = exampleServer()

  it('to a prompt, part of which it refused', async () => {
    expect(await client.queuePrompt({ prompt: PROMPT, workflow: WORKFLOW })).toEqual({
      promptId: 'success',
      number: 0,
      nodeErrors: {
        4: [
          {
            type: 'required_input_missing',
            message: 'A required input is missing; connect it or give it a value',
            details: 'images',
            input: 'images',
          },
        ],
      },
    })
  })

  it('about the queue', async () => {
    expect(await client.queue()).toEqual({ running: [queued('running', 3)], pending: [queued('waiting', 4)] })
  })

  it('about prompts that ended in each way', async () => {
    const records = await client.history()
    const common = { prompt: PROMPT, workflow: WORKFLOW, outputs: { 2: images }, cached: ['1'] }
    expect(records.map(({ messages, ...record }) => [record, messages.map(([name]) => name)])).toEqual(
      (['success', 'error', 'interrupted'] as const).map((end, number) => [
        { ...common, promptId: end, number, status: end, startedAt: START, endedAt: END },
        ['execution_start', 'execution_cached', `execution_${end}`],
      ]),
    )
    expect(filesOf(records[0]?.outputs['2'])).toEqual(images.images)
    expect(records[1]?.messages[2]?.[1]).toMatchObject({
      node_id: '2',
      node_type: 'SaveImage',
      exception_type: 'ValueError',
      exception_message: 'no\n',
      traceback: ['line 1', 'line 2'],
    } satisfies Record<string, Json>)
  })

  it('about how long nodes took', async () => {
    expect(await client.nodeSeconds('success')).toEqual({ 2: 1.5, 3: 0.003 })
  })
})

describe('what the page makes of the server as a whole', () => {
  beforeEach(() => sessionStorage.clear())
  afterEach(() => vi.unstubAllGlobals())

  const read = (name: keyof typeof TEXTS) => decodeText(JSON.stringify(examples.texts[name])) as ServerEvent
  const session = () => new RunSession(exampleServer().client, { create: () => '', revoke: () => undefined })

  it('shows the state of the executor that it asked for', async () => {
    vi.stubGlobal('WebSocket', SilentSocket)
    const own = session()
    own.start()
    await vi.waitFor(() => {
      expect(own.getState()).toMatchObject({ executor: 'starting', executorDetail: 'The executor is starting.' })
    })
    own.stop()
  })

  it('shows the state of the executor that it was told', () => {
    const own = session()
    own.receive(read('executor_state'))
    expect(own.getState()).toMatchObject({ executor: 'dead', executorDetail: 'It was ended.' })
  })

  it.each(WITHOUT_USE)('has no use for %s', (name) => {
    const event = read(name)
    expect(reduceServer(initialServerState, event)).toBe(initialServerState)
    expect(reduceRun(initialRunState, event)).toBe(initialRunState)
  })
})

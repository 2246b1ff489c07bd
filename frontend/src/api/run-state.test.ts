import { describe, expect, it } from 'vitest'
import { decodeBinary, decodeText, type ServerEvent } from './events'
import { initialRunState, reduceRun, type RunEvent, type RunState } from './run-state'

const message = (type: string, data: object, receivedAt = 0): ServerEvent => {
  const event = decodeText(JSON.stringify({ type, data }), receivedAt)
  if (!event) throw new Error('no message')
  return event
}

const play = (events: RunEvent[], from: RunState = initialRunState) => events.reduce(reduceRun, from)

const P = 'prompt-1'
const images = { images: [{ filename: 'a.png', subfolder: '', type: 'output' }] }

/** The order in which a server tells a fresh run of two nodes, the second of which makes a picture. */
const RUN: RunEvent[] = [
  { type: 'prompt_queued', promptId: P, nodeErrors: {} },
  message('execution_start', { prompt_id: P, timestamp: 1000 }),
  message('execution_cached', { nodes: ['4'], prompt_id: P, timestamp: 1001 }),
  message('progress_state', {
    prompt_id: P,
    nodes: { 3: { value: 0, max: 1, state: 'running', display_node_id: '3' } },
  }),
  message('executing', { node: '3', display_node: '3', prompt_id: P }),
  message('progress', { value: 5, max: 20, prompt_id: P, node: '3' }),
  { type: 'preview_url', node: '3', url: 'blob:1' },
]

const END: RunEvent[] = [
  message('progress_state', {
    prompt_id: P,
    nodes: { 3: { value: 1, max: 1, state: 'finished', display_node_id: '3' } },
  }),
  message('executing', { node: '9', display_node: '9', prompt_id: P }),
  message('executed', { node: '9', display_node: '9', output: images, prompt_id: P }),
  message('execution_success', { prompt_id: P, timestamp: 2000 }),
  message('executing', { node: null, prompt_id: P }),
]

describe('reduceRun', () => {
  it('shows the running node with its progress and preview', () => {
    const state = play(RUN)
    expect(state).toMatchObject({ runningPrompt: P, runningNode: '3' })
    expect(state.nodes['3']).toMatchObject({ status: 'running', progress: { value: 5, max: 20 }, preview: 'blob:1' })
    expect(state.nodes['4']?.status).toBe('cached')
    expect(state.prompts[0]).toMatchObject({ promptId: P, state: 'running', startedAt: 1000 })
  })

  it('ends with the picture on its node and nothing running', () => {
    const state = play([...RUN, ...END])
    expect(state).toMatchObject({ runningPrompt: null, runningNode: null })
    expect(state.nodes['3']).toMatchObject({ status: 'finished', progress: null, preview: null })
    expect(state.nodes['9']).toMatchObject({ status: 'finished', output: images })
    expect(state.prompts[0]).toMatchObject({ state: 'success', endedAt: 2000, outputs: { 9: images } })
  })

  it('keeps the last picture while the next prompt runs, and clears the rest', () => {
    const state = play([...RUN, ...END, message('execution_start', { prompt_id: 'p2', timestamp: 3000 })])
    expect(state.nodes['9']).toMatchObject({ status: 'idle', output: images })
    expect(state.nodes['4']?.status).toBe('idle')
  })

  it('puts a failure on its node, and clears it with the next run', () => {
    const failure = message('execution_error', {
      prompt_id: P,
      node_id: '3',
      node_type: 'KSampler',
      exception_message: 'no\n',
      exception_type: 'ValueError',
      traceback: ['a', 'b'],
      executed: [],
    })
    const state = play([...RUN, failure, message('executing', { node: null, prompt_id: P })])
    expect(state.nodes['3']).toMatchObject({ status: 'error', error: { message: 'no', traceback: ['a', 'b'] } })
    expect(state.lastError?.node).toBe('3')
    expect(state.prompts[0]?.state).toBe('error')
    const next = play([message('execution_start', { prompt_id: 'p2' })], state)
    expect(next.nodes['3']).toMatchObject({ status: 'idle', error: null })
    expect(next.lastError).toBeNull()
  })

  it('knows the running node after a reload, when the first message has no prompt id', () => {
    const state = play([
      { type: 'prompt_found', promptId: P, running: true },
      message('executing', { node: '3' }),
      { type: 'preview_url', node: null, url: 'blob:2' },
    ])
    expect(state.runningNode).toBe('3')
    expect(state.nodes['3']?.preview).toBe('blob:2')
  })

  it('settles what ended while the connection was lost', () => {
    const record = {
      promptId: P,
      number: 0,
      prompt: {},
      workflow: null,
      outputs: { 9: images },
      status: 'success' as const,
      cached: ['4'],
      startedAt: 1000,
      endedAt: 2000,
      messages: [],
    }
    const state = play([...RUN, { type: 'queue', queue: { running: [], pending: [] } }, { type: 'history', record }])
    expect(state).toMatchObject({ runningPrompt: null, runningNode: null })
    expect(state.nodes['9']?.output).toEqual(images)
    expect(state.nodes['4']?.status).toBe('cached')
    expect(state.prompts[0]?.state).toBe('success')
  })

  it('keeps the identity of nodes that an event does not touch', () => {
    const before = play(RUN)
    const after = play([message('progress', { value: 6, max: 20, prompt_id: P, node: '3' })], before)
    expect(after.nodes['4']).toBe(before.nodes['4'])
    expect(after.nodes['3']).not.toBe(before.nodes['3'])
  })

  it('measures how long nodes take, cached ones apart', () => {
    const state = play([
      message('execution_start', { prompt_id: P, timestamp: 1000 }),
      message('execution_cached', { nodes: ['4'], prompt_id: P }),
      message('executing', { node: '3', display_node: '3', prompt_id: P }, 1000),
      message('progress', { value: 5, max: 20, prompt_id: P, node: '3' }, 2000),
      message('executing', { node: '8', display_node: '8', prompt_id: P }, 5500),
      message('executed', { node: '4', display_node: '4', output: images, prompt_id: P }, 5500),
      message('executing', { node: null, prompt_id: P }, 6000),
    ])
    expect(state.nodes['3']).toMatchObject({ status: 'finished', seconds: 4.5 })
    expect(state.nodes['4']).toMatchObject({ status: 'cached', seconds: null, output: images })
  })

  it('says how long the steps that are left will take', () => {
    const state = play([
      message('executing', { node: '3', display_node: '3', prompt_id: P }, 1000),
      message('progress', { value: 5, max: 20, prompt_id: P, node: '3' }, 2000),
    ])
    expect(state.nodes['3']?.progress).toEqual({ value: 5, max: 20, secondsLeft: 3 })
  })

  it('takes over what the server measured where it could not measure itself', () => {
    const state = play([
      message('progress_state', { prompt_id: P, nodes: { 3: { value: 1, max: 1, state: 'finished' } } }, 10),
      { type: 'node_seconds', seconds: { 3: 2.5, 8: 0.25 } },
    ])
    expect(state.nodes['3']).toMatchObject({ status: 'finished', seconds: 2.5 })
    expect(state.nodes['8']).toMatchObject({ status: 'finished', seconds: 0.25 })
  })

  it('uses the node on the canvas for nodes that another one made', () => {
    const state = play([message('executing', { node: '5.0.0.1', display_node: '5', prompt_id: P })])
    expect(state.runningNode).toBe('5')
  })
})

describe('binary frames', () => {
  const frame = (...parts: (number | string | Uint8Array)[]): ArrayBuffer => {
    const bytes = parts.flatMap((part) => {
      if (typeof part === 'number') return [part >>> 24, (part >>> 16) & 255, (part >>> 8) & 255, part & 255]
      return [...(typeof part === 'string' ? new TextEncoder().encode(part) : part)]
    })
    return new Uint8Array(bytes).buffer
  }

  it('reads previews of both kinds', () => {
    expect(decodeBinary(frame(1, 2, 'PNG'))).toMatchObject({ type: 'preview', node: null, mime: 'image/png' })
    const head = JSON.stringify({ node_id: '5.0', display_node_id: '5', prompt_id: P, image_type: 'image/jpeg' })
    const event = decodeBinary(frame(4, head.length, head, new Uint8Array([255, 216])))
    expect(event).toMatchObject({ type: 'preview', node: '5', promptId: P, mime: 'image/jpeg' })
    expect(event?.type === 'preview' && [...event.bytes]).toEqual([255, 216])
  })

  it('reads a text for a node', () => {
    expect(decodeBinary(frame(3, 2, '12', 'häß'))).toEqual({ type: 'text', node: '12', text: 'häß' })
  })

  it.each([[frame(1)], [frame(9, 0)], [frame(4, 4000, 'x')], [frame(4, 2, '{]')], [frame(3, 99, '1')]])(
    'ignores what it does not understand',
    (bytes) => expect(decodeBinary(bytes)).toBeNull(),
  )

  it('ignores text that is no message', () => {
    expect(decodeText('nonsense')).toBeNull()
    expect(decodeText('[1]')).toBeNull()
    expect(decodeText('{"type":"crystools.monitor","data":{"a":NaN}}')).toEqual({
      type: 'other',
      name: 'crystools.monitor',
      data: { a: null },
    })
  })
})

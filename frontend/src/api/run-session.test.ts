import { beforeEach, describe, expect, it } from 'vitest'
import { json, server } from '../test/answers'
import { decodeText, type ServerEvent } from './events'
import { RunSession, type ObjectUrls } from './run-session'
import type { QueueItem } from './wire'

const NO_URLS = { create: () => '', revoke: () => undefined }
const ACCEPTED = '{"prompt_id":"p","number":1,"node_errors":{}}'
const EMPTY_QUEUE = '{"queue_running":[],"queue_pending":[]}'

const event = (type: string, data: object): ServerEvent => decodeText(JSON.stringify({ type, data })) as ServerEvent
const running = (promptId: string): string =>
  JSON.stringify({ queue_running: [[0, promptId, {}, { client_id: 'tab' }, []]], queue_pending: [] })

/** A session whose server accepts prompt `p` and has the given queue. */
function session(queue = EMPTY_QUEUE, urls: ObjectUrls = NO_URLS) {
  const answers = (url: string) =>
    new Response(url.endsWith('/prompt') ? ACCEPTED : url.endsWith('/queue') ? queue : '{}')
  return new RunSession(server(answers).client, urls)
}

const REQUEST = { prompt: {}, workflow: null }

describe('RunSession', () => {
  beforeEach(() => sessionStorage.clear())

  it('leads events to the document that sent the prompt, and to no other', async () => {
    const own = session()
    const [a, b] = [own.runOf('a'), own.runOf('b')]
    await a.queuePrompt(REQUEST)
    own.receive(event('executing', { node: '3', display_node: '3', prompt_id: 'p' }))
    own.receive(event('executing', { node: '3', display_node: '3', prompt_id: 'of another browser tab' }))
    expect(a.getState().nodes['3']?.status).toBe('running')
    expect(b.getState().nodes).toEqual({})
    expect(own.ownerOf('p')).toBe('a')
    own.forget('a')
    expect(own.ownerOf('p')).toBeNull()
  })

  it('does not lose what comes before the prompt has its number', async () => {
    let answer: (response: Response) => void = () => undefined
    const { client } = server(json(EMPTY_QUEUE))
    client.queuePrompt = () =>
      new Promise((resolve) => (answer = () => resolve({ promptId: 'p', number: 0, nodeErrors: {} })))
    const own = new RunSession(client, NO_URLS)
    const run = own.runOf('a')
    const sent = run.queuePrompt(REQUEST)
    own.receive(event('execution_start', { prompt_id: 'p', timestamp: 1 }))
    own.receive(event('execution_success', { prompt_id: 'p', timestamp: 2 }))
    answer(new Response())
    await sent
    expect(run.getState().prompts).toMatchObject([{ promptId: 'p', state: 'success', startedAt: 1, endedAt: 2 }])
  })

  it('finds the running prompt again after a reload, and whose the nameless events are', async () => {
    await session().runOf('a').queuePrompt(REQUEST)
    const again = session(running('p'))
    const [a, b] = [again.runOf('a'), again.runOf('b')]
    again.receive(event('executing', { node: '3' }))
    expect(a.getState().runningNode).toBeNull()
    await again.catchUp()
    expect(a.getState()).toMatchObject({ runningPrompt: 'p', runningNode: '3' })
    expect(b.getState().runningNode).toBeNull()
  })

  it('shows after a reload what the last run made', async () => {
    await session().runOf('a').queuePrompt(REQUEST)
    const images = { images: [{ filename: 'a.png', subfolder: '', type: 'output' }] }
    const messages = [['execution_cached', { nodes: ['4'] }]]
    const record = { prompt: [0, 'p', {}, {}, []], outputs: { 9: images }, status: { status_str: 'success', messages } }
    const answers = (url: string) =>
      new Response(JSON.stringify(url.includes('/history/') ? { p: record } : { node_ms: { 3: 1500 } }))
    const again = new RunSession(server(answers).client, NO_URLS)
    await again.showLastResults('a')
    expect(again.runOf('a').getState().nodes).toMatchObject({
      3: { seconds: 1.5 },
      4: { status: 'cached' },
      9: { output: images },
    })
  })

  it('gives previews an address and takes it back when it is replaced', async () => {
    const revoked: string[] = []
    let made = 0
    const own = session(EMPTY_QUEUE, { create: () => `blob:${++made}`, revoke: (url) => revoked.push(url) })
    const run = own.runOf('a')
    await run.queuePrompt(REQUEST)
    const preview = () =>
      own.receive({ type: 'preview', promptId: 'p', node: '3', mime: 'image/png', bytes: new Uint8Array(1) })
    preview()
    preview()
    expect(run.getState().nodes['3']?.preview).toBe('blob:2')
    own.receive(event('execution_success', { prompt_id: 'p' }))
    expect(revoked).toEqual(['blob:1', 'blob:2'])
  })

  it('learns after a lost connection how its prompts ended', async () => {
    const record = { p: { prompt: [0, 'p', {}, {}, []], outputs: {}, status: { status_str: 'success', messages: [] } } }
    const { client } = server(
      (url: string) => new Response(url.includes('history') ? JSON.stringify(record) : EMPTY_QUEUE),
    )
    const own = new RunSession(client, NO_URLS)
    const run = own.runOf('a')
    run.dispatch({ type: 'prompt_queued', promptId: 'p', nodeErrors: {} })
    await own.catchUp()
    expect(run.getState().prompts[0]?.state).toBe('success')
  })

  it('says what the server is doing, whoever asked for it', async () => {
    const own = session(running('p'))
    own.receive(event('status', { status: { exec_info: { queue_remaining: 4 } } }))
    expect(own.getState().queueRemaining).toBe(4)
    await own.loadQueue()
    expect(own.getState()).toMatchObject({ queueRemaining: 1, runningPrompt: 'p' })
    expect((own.getState().queue.running[0] as QueueItem).clientId).toBe('tab')
    own.receive(event('executor_state', { state: 'busy', detail: 'CPU' }))
    expect(own.getState()).toMatchObject({ executor: 'busy', executorDetail: 'CPU' })
  })
})

import { describe, expect, it } from 'vitest'
import { json, server } from '../test/answers'
import { ApiClient, ApiError, PromptRefused } from './client'

describe('ApiClient', () => {
  it('keeps every digit of a seed in the body', async () => {
    const { client, sent } = server(json('{"prompt_id":"p","number":3,"node_errors":{}}'))
    const prompt = { 3: { class_type: 'KSampler', inputs: { seed: 18446744073709551615n } } }
    const accepted = await client.queuePrompt({ prompt, workflow: { version: 0.4 }, front: true })
    expect(accepted).toEqual({ promptId: 'p', number: 3, nodeErrors: {} })
    const body = sent[0]?.init.body as string
    expect(body).toContain('"seed":18446744073709551615')
    expect(JSON.parse(body)).toMatchObject({
      client_id: 'tab',
      front: true,
      extra_data: { extra_pnginfo: { workflow: { version: 0.4 } } },
    })
  })

  it('tells which inputs were refused', async () => {
    const error = {
      error: { type: 'prompt_outputs_failed_validation', message: 'All outputs failed.', details: '', extra_info: {} },
      node_errors: {
        4: {
          class_type: 'CheckpointLoaderSimple',
          dependent_outputs: ['9'],
          errors: [{ type: 'value_not_in_list', message: 'm', details: 'd', extra_info: { input_name: 'ckpt_name' } }],
        },
      },
    }
    const { client } = server(json(JSON.stringify(error), 400))
    const refused = await client.queuePrompt({ prompt: {}, workflow: null }).catch((reason: unknown) => reason)
    expect(refused).toBeInstanceOf(PromptRefused)
    expect((refused as PromptRefused).nodeErrors).toEqual({
      4: [{ type: 'value_not_in_list', message: 'm', details: 'd', input: 'ckpt_name' }],
    })
  })

  it.each([
    ['http://host:8188/', 'http://host:8188/api/queue', 'ws://host:8188/api/ws?clientId=tab'],
    ['https://h/proxy/8188/', 'https://h/proxy/8188/api/queue', 'wss://h/proxy/8188/api/ws?clientId=tab'],
    ['http://h/a/index.html#x', 'http://h/a/api/queue', 'ws://h/a/api/ws?clientId=tab'],
  ])('stays below the page at %s', async (base, queue, socket) => {
    const { client, sent } = server(json('{"queue_running":[],"queue_pending":[]}'), base)
    await client.queue()
    expect(sent[0]?.url).toBe(queue)
    expect(client.socketUrl()).toBe(socket)
  })

  it('orders waiting prompts as they will run', async () => {
    const item = (number: number, id: string) => [number, id, {}, { client_id: 'tab' }, []]
    const { client } = server(json(JSON.stringify({ queue_running: [], queue_pending: [item(7, 'b'), item(-2, 'a')] })))
    expect((await client.queue()).pending.map((entry) => entry.promptId)).toEqual(['a', 'b'])
  })

  it('keeps slashes of workflow names inside one path segment', async () => {
    const { client, sent } = server(json('{}'))
    await client.writeUserFile('workflows/my dir/a?b.json', '{}', { overwrite: false })
    expect(sent[0]?.url).toBe(
      'http://host:8188/api/userdata/workflows%2Fmy%20dir%2Fa%3Fb.json?overwrite=false&full_info=true',
    )
  })

  it('says in a sentence that the server is gone', async () => {
    const client = new ApiClient({ base: 'http://h/', fetch: () => Promise.reject(new TypeError('x')), clientId: 't' })
    const error = await client.queue().catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(ApiError)
    expect((error as ApiError).status).toBe(0)
  })
})

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ServerEvent } from './events'
import { EventSocket } from './socket'

/** The browser's side of a socket, moved by the test. */
class ScriptedSocket extends EventTarget {
  static made: ScriptedSocket[] = []
  binaryType = 'blob'
  readonly sent: string[] = []

  constructor(readonly url: string) {
    super()
    ScriptedSocket.made.push(this)
  }

  send(text: string): void {
    this.sent.push(text)
  }

  close(): void {
    this.dispatchEvent(new Event('close'))
  }
}

const latest = () => ScriptedSocket.made.at(-1) as ScriptedSocket

describe('EventSocket', () => {
  beforeEach(() => {
    ScriptedSocket.made = []
    vi.useFakeTimers()
    vi.stubGlobal('WebSocket', ScriptedSocket)
  })
  afterEach(() => {
    vi.useRealTimers()
    vi.unstubAllGlobals()
  })

  function open() {
    const seen: (ServerEvent['type'] | 'open' | 'lost')[] = []
    const socket = new EventSocket(() => 'ws://h/api/ws?clientId=t', {
      onEvent: (event) => seen.push(event.type),
      onConnection: (connection) => seen.push(connection),
    })
    socket.open()
    return { socket, seen }
  }

  it('introduces itself, and hands on frames of both kinds', () => {
    const { seen } = open()
    latest().dispatchEvent(new Event('open'))
    latest().dispatchEvent(new MessageEvent('message', { data: '{"type":"execution_start","data":{"prompt_id":"p"}}' }))
    latest().dispatchEvent(new MessageEvent('message', { data: new Uint8Array([0, 0, 0, 1, 0, 0, 0, 2, 9]).buffer }))
    latest().dispatchEvent(new MessageEvent('message', { data: 'noise' }))
    expect(latest().binaryType).toBe('arraybuffer')
    expect(JSON.parse(latest().sent[0] ?? '')).toEqual({
      type: 'feature_flags',
      data: { supports_preview_metadata: true },
    })
    expect(seen).toEqual(['open', 'execution_start', 'preview'])
  })

  it('comes back after a loss, waiting longer each time until it is back', () => {
    const { socket, seen } = open()
    const waits: number[] = []
    for (let loss = 0; loss < 7; loss++) {
      const before = ScriptedSocket.made.length
      latest().close()
      let waited = 0
      while (ScriptedSocket.made.length === before && waited < 20_000) {
        vi.advanceTimersByTime(100)
        waited += 100
      }
      waits.push(waited)
    }
    expect(waits).toEqual([300, 600, 1200, 2400, 4800, 5000, 5000])
    latest().dispatchEvent(new Event('open'))
    latest().close()
    vi.advanceTimersByTime(300)
    expect(ScriptedSocket.made).toHaveLength(9)
    socket.close()
    vi.advanceTimersByTime(60_000)
    expect(ScriptedSocket.made).toHaveLength(9)
    expect(seen.filter((entry) => entry === 'lost')).toHaveLength(8)
  })
})

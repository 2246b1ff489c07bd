/** Keeps a WebSocket to the server open: hands its events on, and comes back by itself when it is lost. */
import { decodeBinary, decodeText, type ServerEvent } from './events'

/** What the socket reports. */
export interface SocketListener {
  onEvent(event: ServerEvent): void
  /** `lost` is reported once per loss; the next thing is `open`. */
  onConnection(connection: 'open' | 'lost'): void
}

const FIRST_RETRY_MS = 300
const LONGEST_RETRY_MS = 5000

/** The event socket. */
export class EventSocket {
  readonly #url: () => string
  readonly #listener: SocketListener
  #socket: WebSocket | null = null
  #timer: ReturnType<typeof setTimeout> | null = null
  #retryMs = FIRST_RETRY_MS
  #ended = false

  constructor(url: () => string, listener: SocketListener) {
    this.#url = url
    this.#listener = listener
  }

  open(): void {
    if (this.#ended || this.#socket) return
    const socket = new WebSocket(this.#url())
    socket.binaryType = 'arraybuffer'
    this.#socket = socket
    socket.addEventListener('open', () => {
      this.#retryMs = FIRST_RETRY_MS
      socket.send(JSON.stringify({ type: 'feature_flags', data: { supports_preview_metadata: true } }))
      this.#listener.onConnection('open')
    })
    socket.addEventListener('message', ({ data }: MessageEvent<string | ArrayBuffer>) => {
      const event = typeof data === 'string' ? decodeText(data) : decodeBinary(data)
      if (event) this.#listener.onEvent(event)
    })
    socket.addEventListener('close', () => this.#lost(socket))
  }

  /** Closes for good. */
  close(): void {
    this.#ended = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#socket?.close()
  }

  #lost(socket: WebSocket): void {
    if (this.#socket !== socket) return
    this.#socket = null
    if (this.#ended) return
    this.#listener.onConnection('lost')
    this.#timer = setTimeout(() => this.open(), this.#retryMs)
    this.#retryMs = Math.min(LONGEST_RETRY_MS, this.#retryMs * 2)
  }
}

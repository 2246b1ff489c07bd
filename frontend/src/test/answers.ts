/** A server in a few lines, for tests of what talks to one. */
import { ApiClient } from '../api/client'

interface Sent {
  url: string
  init: RequestInit
}

/** A client whose server answers as told, and what was sent to it. */
export function server(answers: (url: string) => Response, base = 'http://host:8188/') {
  const sent: Sent[] = []
  const fetch = (url: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    sent.push({ url: url as string, init })
    return Promise.resolve(answers(url as string))
  }
  return { sent, client: new ApiClient({ base, fetch, clientId: 'tab' }) }
}

/** Always the same answer. */
export const json =
  (text: string, status = 200) =>
  () =>
    new Response(text, { status })

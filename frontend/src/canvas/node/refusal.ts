/** Makes one sentence of what the server says about a refused input. */
import type { NodeError } from '@/api/wire'

export function sentenceOf({ message, details, input }: NodeError): string {
  const told = details === '' || details === input || message.includes(details)
  return told ? message : `${message.replace(/[.\s]+$/, '')}: ${details}`
}

/** Reads the text chunks of a PNG: `tEXt`, `zTXt`, `iTXt` and the `comf` chunk of animated pictures. */

/** Most that compressed text of one file may grow to, in bytes: small files must not fill the memory. */
export const INFLATED_LIMIT = 10 * 1024 * 1024

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
const latin1 = new TextDecoder('latin1')
const utf8 = new TextDecoder('utf-8')

/** Whether the bytes begin like a PNG. */
export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, at) => bytes[at] === byte)
}

/**
 * Texts by key; of equal keys the first. Damaged, oversized or unreadable chunks are left out. Text is read as UTF-8
 * where it is valid, else as Latin-1.
 */
export async function readPngTexts(bytes: Uint8Array<ArrayBuffer>): Promise<Map<string, string>> {
  const texts = new Map<string, string>()
  const budget = { left: INFLATED_LIMIT }
  for (const { type, data } of chunks(bytes)) {
    const entry = await readText(type, data, budget)
    if (entry && !texts.has(entry[0])) texts.set(entry[0], entry[1])
  }
  return texts
}

interface Chunk {
  readonly type: string
  readonly data: Uint8Array<ArrayBuffer>
}

function* chunks(bytes: Uint8Array<ArrayBuffer>): Generator<Chunk> {
  if (!isPng(bytes)) return
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = SIGNATURE.length
  while (at + 12 <= bytes.length) {
    const length = view.getUint32(at)
    const end = at + 8 + length
    if (end > bytes.length) return
    const type = latin1.decode(bytes.subarray(at + 4, at + 8))
    yield { type, data: bytes.subarray(at + 8, end) }
    if (type === 'IEND') return
    at = end + 4
  }
}

async function readText(
  type: string,
  data: Uint8Array<ArrayBuffer>,
  budget: { left: number },
): Promise<[string, string] | null> {
  if (!['tEXt', 'comf', 'zTXt', 'iTXt'].includes(type)) return null
  const zero = data.indexOf(0)
  if (zero <= 0) return null
  const key = latin1.decode(data.subarray(0, zero))
  const rest = data.subarray(zero + 1)
  if (type === 'zTXt') return withText(key, await inflate(rest.subarray(1), budget))
  if (type !== 'iTXt') return withText(key, rest)
  const [compressed, method] = rest
  const language = rest.indexOf(0, 2)
  const translated = language < 0 ? -1 : rest.indexOf(0, language + 1)
  if (translated < 0) return null
  const text = rest.subarray(translated + 1)
  if (compressed === 0) return withText(key, text)
  return method === 0 ? withText(key, await inflate(text, budget)) : null
}

function withText(key: string, bytes: Uint8Array | null): [string, string] | null {
  return bytes && [key, decode(bytes)]
}

function decode(bytes: Uint8Array): string {
  const text = utf8.decode(bytes)
  return text.includes('\ufffd') ? latin1.decode(bytes) : text
}

/** Unpacks zlib data; null when it is damaged or grows beyond what is left of the budget. */
async function inflate(data: Uint8Array<ArrayBuffer>, budget: { left: number }): Promise<Uint8Array | null> {
  const reader = new Blob([data]).stream().pipeThrough(new DecompressionStream('deflate')).getReader()
  const parts: Uint8Array[] = []
  let size = 0
  try {
    for (let step = await reader.read(); !step.done; step = await reader.read()) {
      size += step.value.length
      budget.left -= step.value.length
      if (budget.left < 0) {
        await reader.cancel()
        return null
      }
      parts.push(step.value)
    }
  } catch {
    return null
  }
  const whole = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { browserLock } from './tab-lock'

/** The browser's locks, as far as tabs use them: one holder per name, others wait in order. */
function fakeLocks() {
  const held = new Map<string, Promise<unknown>>()
  const request = async (
    name: string,
    { ifAvailable = false, signal }: LockOptions,
    use: (lock: { name: string } | null) => unknown,
  ): Promise<void> => {
    if (ifAvailable && held.has(name)) return void (await use(null))
    const aborted = new Promise<never>((_, reject) =>
      signal?.addEventListener('abort', () => reject(signal.reason as Error)),
    )
    aborted.catch(() => undefined) // after a lock was granted, the signal means nothing
    while (held.has(name)) await Promise.race([held.get(name), aborted])
    const ended = Promise.resolve(use({ name })).then(() => held.delete(name))
    held.set(name, ended)
    await ended
  }
  return { locks: { request } }
}

describe('browserLock', () => {
  beforeEach(() => vi.stubGlobal('navigator', fakeLocks()))
  afterEach(() => vi.unstubAllGlobals())

  it('is refused while another tab has it, and granted after', async () => {
    const release = await browserLock('a')
    expect(await browserLock('a')).toBeNull()
    expect(await browserLock('b')).not.toBeNull()
    release?.()
    await Promise.resolve()
    expect(await browserLock('a', 50)).not.toBeNull()
  })

  it('waits for a holder that leaves in time, and not for one that stays', async () => {
    const release = await browserLock('a')
    setTimeout(() => release?.(), 20)
    const second = await browserLock('a', 5000)
    expect(second).not.toBeNull()
    expect(await browserLock('a', 20)).toBeNull()
  })

  it('is granted to everybody by a browser without locks', async () => {
    vi.stubGlobal('navigator', {})
    expect(await browserLock('a')).not.toBeNull()
    expect(await browserLock('a', 20)).not.toBeNull()
  })
})

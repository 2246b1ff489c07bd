/** Tells whether another living tab uses something; used so that two tabs never write one draft or share an id. */

/**
 * Takes a name for as long as this tab lives; null when another tab has it and keeps it for `waitMs`. The result gives it
 * back.
 */
export type TabLock = (name: string, waitMs?: number) => Promise<(() => void) | null>

/** Locks of the browser; without them (old browsers, plain http on some) every lock is granted. */
export const browserLock: TabLock = async (name, waitMs = 0) => {
  if (typeof navigator === 'undefined' || !('locks' in navigator)) return () => undefined
  const options = waitMs > 0 ? { signal: AbortSignal.timeout(waitMs) } : { ifAvailable: true }
  try {
    return await granted(name, options)
  } catch (reason) {
    if (options.signal?.aborted) return null
    throw reason
  }
}

/** The lock is held until the result is called. */
function granted(name: string, options: LockOptions): Promise<(() => void) | null> {
  return new Promise((resolve, reject) => {
    const request = navigator.locks.request(name, options, (lock) => {
      if (!lock) {
        resolve(null)
        return
      }
      return new Promise<void>((release) => resolve(() => release()))
    })
    request.catch(reject)
  })
}

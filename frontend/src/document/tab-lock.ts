/** Tells whether another living tab uses something; used so that two tabs never write one draft. */

/** Takes a name for as long as this tab lives; null when another tab has it. The result gives it back. */
export type TabLock = (name: string) => Promise<(() => void) | null>

/** Locks of the browser; without them (old browsers, plain http on some) every lock is granted. */
export const browserLock: TabLock = (name) => {
  if (typeof navigator === 'undefined' || !('locks' in navigator)) return Promise.resolve(() => undefined)
  return new Promise((resolve) => {
    void navigator.locks.request(name, { ifAvailable: true }, (lock) => {
      if (!lock) {
        resolve(null)
        return
      }
      // The lock is held until this promise ends.
      return new Promise<void>((release) => resolve(() => release()))
    })
  })
}

/** Asks for the server's files and classes again when somebody is about to choose among them; started by editor-app.ts. */
import type { Shared } from '@/features/app'
import { useChoices } from '@/ui/choices'

/** A menu that opens, or the window that gets the focus back, shows the files that came meanwhile. */
export function keepFresh(shared: Pick<Shared, 'refreshDefinitions'>): void {
  let asking = false
  const refresh = () => {
    if (asking) return
    asking = true
    // A server that does not answer is told elsewhere; the menu goes on with what is known.
    void shared
      .refreshDefinitions()
      .catch(() => undefined)
      .finally(() => {
        asking = false
      })
  }
  window.addEventListener('focus', refresh)
  useChoices.subscribe(({ request }, before) => {
    if (request?.fromServer && request.owner !== before.request?.owner) refresh()
  })
}

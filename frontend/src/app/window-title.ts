/** The window's title: what is open, and how far the run is, for people who look at another tab meanwhile. */
import type { Shared } from '@/features/app'
import { shownName } from '@/features/workflows/workflow-file'

export function followTitle({ tabs, session }: Shared): void {
  const show = () => {
    const { file } = tabs.current
    const ahead = percent()
    const wanted = `${ahead}${file.state.dirty ? '• ' : ''}${shownName(file.state)} – Comfy Creator`
    if (document.title !== wanted) document.title = wanted
  }
  /** Of the prompt that runs, whichever tab sent it. */
  const percent = () => {
    const owner = session.ownerOf(session.getState().runningPrompt)
    if (owner === null) return ''
    const { runningNode, nodes } = session.runOf(owner).getState()
    const progress = nodes[runningNode ?? '']?.progress
    return progress ? `${Math.round((100 * progress.value) / progress.max)} % ` : ''
  }
  tabs.store.subscribe(show)
  session.subscribe(show)
  session.onEvent(show)
  show()
}

/** The window's title: what is open, and how far the run is, for people who look at another tab meanwhile. */
import type { App } from '@/features/app'
import { nameOf } from '@/features/workflows/files'

export function followTitle({ files, run }: App): void {
  const show = () => {
    const { path, title, dirty } = files.state
    const { runningNode, nodes } = run.getState()
    const progress = runningNode === null ? null : nodes[runningNode]?.progress
    const ahead = progress ? `${Math.round((100 * progress.value) / progress.max)} % ` : ''
    const wanted = `${ahead}${dirty ? '• ' : ''}${path === null ? title : nameOf(path)} – Comfy Creator`
    if (document.title !== wanted) document.title = wanted
  }
  files.store.subscribe(show)
  run.subscribe(show)
  show()
}

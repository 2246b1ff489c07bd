/** Keeps the facts up to date that decide which commands a key may run: where the focus is, what is selected. */
import { takesText } from '@/commands/keys'
import type { App } from '@/features/app'
import { page, usePage } from '@/ui/page'

const TAP_MS = 250

export function followContext(app: App): void {
  const { commands, canvas } = app
  const focus = () => {
    const active = document.activeElement
    // Wires take the focus too, and they are SVG.
    const inFlow = active instanceof Element && active.closest('.flow') !== null
    const covered = document.querySelector('[role="dialog"], [role="menu"], .choices') !== null
    const canvasHas = (active === document.body || active === null || inFlow) && !takesText(active) && !covered
    commands.setContext({ canvas: canvasHas, pane: active instanceof HTMLElement && active.classList.contains('flow') })
  }
  const selection = () => {
    const nodes = canvas.store.getState().nodes.some((node) => node.selected)
    const links = canvas.store.getState().edges.some((edge) => edge.selected)
    commands.setContext({ selection: nodes, selectionOrLink: nodes || links })
  }
  document.addEventListener('focusin', focus)
  document.addEventListener('focusout', () => setTimeout(focus))
  window.addEventListener('keydown', focus, true)
  canvas.store.subscribe(selection)
  usePage.subscribe(() => setTimeout(focus))
  focus()
  selection()
  listenForTap(app)
}

/** A short press of Space, with no pointer button meanwhile, opens the search; a long one pans. */
function listenForTap({ commands, canvas }: App): void {
  let down = 0
  const cancel = () => {
    down = 0
  }
  window.addEventListener('keydown', (event) => {
    if (event.key !== ' ' || event.repeat) return
    const button =
      event.target instanceof Element && event.target.closest('button, input, textarea, a, [role="button"]')
    down = commands.getContext()['canvas'] === true && !button && !event.ctrlKey && !event.altKey ? event.timeStamp : 0
  })
  window.addEventListener('pointerdown', cancel, true)
  window.addEventListener('keyup', (event) => {
    if (event.key !== ' ' || down === 0 || event.timeStamp - down > TAP_MS) return
    down = 0
    event.preventDefault()
    page.openSearch({ ...canvas.aim(), from: null })
  })
}

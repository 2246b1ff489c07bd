/** Keeps the facts up to date that decide which commands a key may run: where the focus is, what is selected. */
import { takesText } from '@/commands/keys'
import type { Shared } from '@/features/app'
import { page, usePage } from '@/ui/page'

const TAP_MS = 250
/** What keeps all keys for itself while it is there. */
const COVERS = '[role="dialog"], [role="alertdialog"], [role="menu"], .choices'
/** What a press of Space or Enter operates. */
const PRESSED = 'button, a[href], summary, [role="button"], [role="tab"]'

/** The graph has the keys wherever the focus is, unless it is in a text field, or a menu or a dialog is open. */
export function followContext(shared: Shared): void {
  const { commands, tabs } = shared
  const focus = () => {
    const active = document.activeElement
    const covered = isOpening() || document.querySelector(COVERS) !== null
    const canvas = !takesText(active) && !covered
    commands.setContext({ canvas, covered, pane: active instanceof HTMLElement && active.classList.contains('flow') })
  }
  const selection = () => {
    const { nodes, edges } = tabs.current.canvas.store.getState()
    const chosen = nodes.filter((node) => node.selected).length
    commands.setContext({
      selection: chosen > 0,
      oneNode: chosen === 1,
      selectionOrLink: chosen > 0 || edges.some((edge) => edge.selected),
    })
  }
  let stop = tabs.current.canvas.store.subscribe(selection)
  tabs.store.subscribe(({ current }, before) => {
    if (current === before.current || !current) return
    stop()
    stop = current.canvas.store.subscribe(selection)
    selection()
  })
  document.addEventListener('focusin', focus)
  document.addEventListener('focusout', () => setTimeout(focus))
  window.addEventListener('keydown', focus, true)
  usePage.subscribe(() => setTimeout(focus))
  focus()
  selection()
  keepFocus(shared)
  listenForTap(shared)
}

/** What was asked for takes the keys at once, also while it is still being fetched. */
function isOpening(): boolean {
  const { palette, shortcuts, search, links, question, lightbox } = usePage.getState()
  return palette || shortcuts || [search, links, question, lightbox].some((part) => part !== null)
}

/** The pointer on a bar's button leaves the keyboard with the graph, so that Space, Enter and Delete are not the button's. */
function keepFocus({ tabs }: Shared): void {
  document.addEventListener('mousedown', (event) => {
    const { target } = event
    if (!(target instanceof Element) || !target.closest('.top-bar, .rail, .status-bar') || takesText(target)) return
    event.preventDefault()
    tabs.current.canvas.focus()
  })
}

/** A short press of Space, with no pointer button meanwhile, opens the search; a long one pans. */
function listenForTap({ commands, tabs }: Shared): void {
  let down = 0
  const cancel = () => {
    down = 0
  }
  window.addEventListener('keydown', (event) => {
    if (event.key !== ' ' || event.repeat) return
    const button = event.target instanceof Element && event.target.closest(PRESSED)
    down = commands.getContext()['canvas'] === true && !button && !event.ctrlKey && !event.altKey ? event.timeStamp : 0
  })
  window.addEventListener('pointerdown', cancel, true)
  window.addEventListener('keyup', (event) => {
    if (event.key !== ' ' || down === 0 || event.timeStamp - down > TAP_MS) return
    down = 0
    event.preventDefault()
    page.openSearch({ ...tabs.current.canvas.aim(), from: null })
  })
}

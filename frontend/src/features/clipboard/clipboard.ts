/** Copy, cut and paste of graph parts over the system's clipboard, as JSON text that other tabs understand. */
import type { Clip } from '@/document/types'
import { takesText } from '@/commands/keys'
import type { App, Shared } from '@/features/app'
import type { Tabs } from '@/features/tabs/tabs'
import { openWorkflowText } from '@/features/workflows/opening'
import { clipFromText, clipToText } from '@/graph/clipboard'
import { t } from '@/i18n'

/** The last copied part, for browsers that do not let a page read the clipboard. */
let lastCopied: string | null = null
/** Shift was held when the paste key went down: links from outside the clip are made again. */
let withLinks = false

/**
 * Listens for the browser's own clipboard events, which work without permissions and on plain HTTP. Returns what ends it.
 * The keys of the copy commands must not be caught elsewhere: only then does the browser send these events.
 */
export function listenForClipboard({ tabs }: { readonly tabs: Tabs }): () => void {
  const key = (event: KeyboardEvent) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || takesText(event.target)) return
    const name = event.key.toLowerCase()
    if (name === 'v') withLinks = event.shiftKey
    if (name === 'v' && event.shiftKey) {
      // Browsers send no paste event for this combination outside of text fields.
      event.preventDefault()
      void pasteFromMenu(tabs.current, true)
    }
    if (['c', 'x', 'v'].includes(name)) event.stopImmediatePropagation()
  }
  const copy = (event: ClipboardEvent) => {
    const app = tabs.current
    const ids = app.canvas.selectedNodes()
    if (notOurs(event) || ids.length === 0) return
    event.preventDefault()
    event.clipboardData?.setData('text/plain', remember(app, ids))
    if (event.type === 'cut') app.document.removeNodes(ids)
  }
  const paste = (event: ClipboardEvent) => {
    if (notOurs(event) || !event.clipboardData) return
    const files = [...event.clipboardData.files]
    const text = event.clipboardData.getData('text/plain')
    event.preventDefault()
    if (files.length > 0) void takeFiles(tabs.current, files)
    else pasteText(tabs.current, text, withLinks)
  }
  window.addEventListener('keydown', key, true)
  document.addEventListener('copy', copy)
  document.addEventListener('cut', copy)
  document.addEventListener('paste', paste)
  return () => {
    window.removeEventListener('keydown', key, true)
    document.removeEventListener('copy', copy)
    document.removeEventListener('cut', copy)
    document.removeEventListener('paste', paste)
  }
}

/** Text fields, selected text and open dialogs keep their own clipboard. */
function notOurs(event: ClipboardEvent): boolean {
  const target = event.target
  if (takesText(target) || takesText(document.activeElement)) return true
  if (document.querySelector('[role="dialog"]')) return true
  return event.type !== 'paste' && (window.getSelection()?.toString() ?? '') !== ''
}

function remember(app: App, ids: readonly string[]): string {
  lastCopied = clipToText(app.document.copy(ids))
  return lastCopied
}

/** The menu's Copy: there is no clipboard event to answer. */
export async function copySelection(app: App): Promise<void> {
  const text = remember(app, app.canvas.selectedNodes())
  await navigator.clipboard?.writeText(text).catch(() => undefined)
}

export async function cutSelection(app: App): Promise<void> {
  const ids = app.canvas.selectedNodes()
  await copySelection(app)
  app.document.removeNodes(ids)
}

/** The menu's Paste: asks the browser for the clipboard, and takes the last copied part when it refuses. */
export async function pasteFromMenu(app: App, outsideLinks: boolean): Promise<void> {
  const text = await navigator.clipboard?.readText().catch(() => null)
  const usable = text && clipFromText(text) ? text : lastCopied
  if (usable !== null) pasteText(app, usable, outsideLinks)
}

function pasteText(app: App, text: string, outsideLinks: boolean): void {
  const clip = clipFromText(text)
  if (!clip) {
    if (/^\s*\{/.test(text)) void openText(app, text)
    return
  }
  app.canvas.select(app.document.paste(clip, { ...placeOf(app, clip), outsideLinks }))
}

/** Under the pointer when it is over the canvas, else a little beside the original. */
function placeOf(app: App, clip: Clip): { at?: readonly [number, number] } {
  const { pointer } = app.canvas
  if (!pointer || clip.nodes.length === 0) return {}
  const { x, y } = app.canvas.toGraph(pointer.x, pointer.y)
  return { at: [Math.round(x), Math.round(y)] }
}

async function takeFiles(app: App, files: readonly File[]): Promise<void> {
  const { takeDropped } = await import('@/features/import/take-dropped')
  await takeDropped(app, { files, classType: '', picture: '' }, app.canvas.aim())
}

async function openText(shared: Shared, text: string): Promise<void> {
  await openWorkflowText(shared, text, t('workflows.pasted'))
}

/** What is open on the page: side panel, search, palette, lightbox, questions. Nothing of it is part of the document. */
import { create } from 'zustand'
import { t } from '@/i18n'

export type PanelName = 'workflows' | 'nodes' | 'gallery' | 'queue' | 'templates'

/** Where a new node goes and, after a wire was dropped on empty canvas, what it has to connect to. */
export interface SearchRequest {
  /** Place on the screen. */
  readonly x: number
  readonly y: number
  /** Handle the dropped wire came from. */
  readonly from: { readonly node: string; readonly handle: string; readonly type: string } | null
}

export interface Question {
  readonly title: string
  readonly text: string
  readonly confirm: string
  readonly danger: boolean
  /** A third answer between giving up and confirming; null: there is none. */
  readonly other: { readonly label: string; readonly answer: () => void } | null
  /** Set when the answer is a text; the given text is the proposal. */
  readonly field: { readonly label: string; readonly value: string } | null
  readonly answer: (given: string | null) => void
}

interface PageState {
  readonly panel: PanelName | null
  readonly panelWidth: number
  readonly search: SearchRequest | null
  /** The node whose links are made by keys. */
  readonly links: string | null
  readonly shortcuts: boolean
  readonly palette: boolean
  readonly errors: boolean
  readonly inspector: boolean
  readonly minimap: boolean
  /** Address of the picture in the lightbox. */
  readonly lightbox: { readonly pictures: readonly Picture[]; readonly at: number } | null
  readonly question: Question | null
}

/** A picture that can be shown large. */
export interface Picture {
  readonly url: string
  readonly name: string
  readonly title: string
}

const KEY = 'comfy-creator.page'

function remembered(): Partial<PageState> {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<PageState>
    return { panel: found.panel ?? null, panelWidth: found.panelWidth ?? 288, minimap: found.minimap ?? false }
  } catch {
    return {}
  }
}

export const usePage = create<PageState>()(() => ({
  panel: null,
  panelWidth: 288,
  search: null,
  links: null,
  shortcuts: false,
  palette: false,
  errors: false,
  inspector: false,
  minimap: false,
  lightbox: null,
  question: null,
  ...remembered(),
}))

usePage.subscribe((state, before) => {
  if (state.panel === before.panel && state.panelWidth === before.panelWidth && state.minimap === before.minimap) return
  try {
    const { panel, panelWidth, minimap } = state
    localStorage.setItem(KEY, JSON.stringify({ panel, panelWidth, minimap }))
  } catch {
    // Without storage the page opens as it does for the first time.
  }
})

export const page = {
  togglePanel: (panel: PanelName) => usePage.setState((state) => ({ panel: state.panel === panel ? null : panel })),
  closePanel: () => usePage.setState({ panel: null }),
  resizePanel: (width: number) => usePage.setState({ panelWidth: Math.round(Math.min(560, Math.max(220, width))) }),
  openSearch: (search: SearchRequest) => usePage.setState({ search, palette: false }),
  closeSearch: () => usePage.setState({ search: null }),
  setPalette: (palette: boolean) => usePage.setState({ palette, search: null }),
  openLinks: (links: string) => usePage.setState({ links, search: null }),
  closeLinks: () => usePage.setState({ links: null }),
  setShortcuts: (shortcuts: boolean) => usePage.setState({ shortcuts }),
  setErrors: (errors: boolean) => usePage.setState({ errors }),
  toggleInspector: () => usePage.setState((state) => ({ inspector: !state.inspector })),
  toggleMinimap: () => usePage.setState((state) => ({ minimap: !state.minimap })),
  openLightbox: (pictures: readonly Picture[], at: number) => usePage.setState({ lightbox: { pictures, at } }),
  closeLightbox: () => usePage.setState({ lightbox: null }),
}

/** Asks a yes/no question; true when confirmed. */
export function ask(question: { title: string; text: string; confirm: string; danger?: boolean }): Promise<boolean> {
  return new Promise((resolve) => {
    usePage.setState({
      question: {
        danger: false,
        ...question,
        other: null,
        field: null,
        answer: (given) => {
          usePage.setState({ question: null })
          resolve(given !== null)
        },
      },
    })
  })
}

/** Asks for a short text; `null` when given up. */
export function askText(question: {
  title: string
  text?: string
  label: string
  value: string
  confirm: string
}): Promise<string | null> {
  return new Promise((resolve) => {
    usePage.setState({
      question: {
        title: question.title,
        text: question.text ?? '',
        confirm: question.confirm,
        danger: false,
        other: null,
        field: { label: question.label, value: question.value },
        answer: (given) => {
          usePage.setState({ question: null })
          resolve(given)
        },
      },
    })
  })
}

/** Asks what to do with unsaved changes; `null` when the person stays. */
export function askSave(name: string): Promise<'save' | 'discard' | null> {
  return new Promise((resolve) => {
    const end = (answer: 'save' | 'discard' | null) => {
      usePage.setState({ question: null })
      resolve(answer)
    }
    usePage.setState({
      question: {
        title: t('leave.title', { name }),
        text: t('leave.text'),
        confirm: t('workflows.save'),
        danger: false,
        other: { label: t('leave.discard'), answer: () => end('discard') },
        field: null,
        answer: (given) => end(given === null ? null : 'save'),
      },
    })
  })
}

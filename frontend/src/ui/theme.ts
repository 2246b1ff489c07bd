/** Dark or light: follows the system until somebody chooses, then remembers the choice. Used by the shell. */
import { create } from 'zustand'

export type ThemeChoice = 'system' | 'dark' | 'light'

const KEY = 'comfy-creator.theme'
const system = window.matchMedia('(prefers-color-scheme: light)')

function remembered(): ThemeChoice {
  try {
    const found = localStorage.getItem(KEY)
    return found === 'dark' || found === 'light' ? found : 'system'
  } catch {
    return 'system'
  }
}

function resolve(choice: ThemeChoice): 'dark' | 'light' {
  if (choice !== 'system') return choice
  return system.matches ? 'light' : 'dark'
}

interface ThemeState {
  choice: ThemeChoice
  shown: 'dark' | 'light'
  choose: (choice: ThemeChoice) => void
  toggle: () => void
}

export const useTheme = create<ThemeState>()((set, get) => ({
  choice: remembered(),
  shown: resolve(remembered()),
  choose(choice) {
    try {
      if (choice === 'system') localStorage.removeItem(KEY)
      else localStorage.setItem(KEY, choice)
    } catch {
      // Private windows may refuse storage: the choice then lasts until the page closes.
    }
    set({ choice, shown: resolve(choice) })
  },
  toggle() {
    get().choose(get().shown === 'dark' ? 'light' : 'dark')
  },
}))

/** Puts the theme on the page and keeps it there. Returns what undoes it. */
export function followTheme(): () => void {
  const show = () => {
    document.documentElement.dataset.theme = useTheme.getState().shown
  }
  const systemChanged = () => useTheme.setState((state) => ({ shown: resolve(state.choice) }))
  show()
  system.addEventListener('change', systemChanged)
  const stop = useTheme.subscribe(show)
  return () => {
    stop()
    system.removeEventListener('change', systemChanged)
  }
}

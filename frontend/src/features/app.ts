/** Everything the features of the page work with: the canvas's editor plus files, commands and the result feed. */
import { createContext, useContext } from 'react'
import type { Editor } from '@/canvas/editor'
import type { CommandRegistry } from '@/commands/registry'
import type { Feed } from '@/features/feed/feed'
import type { Runner } from '@/features/run/runner'
import type { WorkflowFiles } from '@/features/workflows/files'

export interface App extends Editor {
  readonly commands: CommandRegistry
  readonly files: WorkflowFiles
  readonly feed: Feed
  readonly runner: Runner
  /** Asks the server for its node classes again: files came, models came. */
  refreshDefinitions(): Promise<void>
}

export const AppContext = createContext<App | null>(null)

export function useApp(): App {
  const app = useContext(AppContext)
  if (!app) throw new Error('This component has to stand inside AppContext.')
  return app
}

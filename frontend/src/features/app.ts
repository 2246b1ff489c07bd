/** Everything the features of the page work with: what all tabs share, and the open document with its file. */
import { createContext, useContext } from 'react'
import type { Editor } from '@/canvas/editor'
import type { CommandRegistry } from '@/commands/registry'
import type { Feed } from '@/features/feed/feed'
import type { Runner } from '@/features/run/runner'
import type { Tabs } from '@/features/tabs/tabs'
import type { WorkflowShelf } from '@/features/workflows/shelf'
import type { WorkflowFile } from '@/features/workflows/workflow-file'

/** One for the page. */
export interface Shared extends Pick<Editor, 'api' | 'session' | 'catalog'> {
  readonly commands: CommandRegistry
  readonly feed: Feed
  readonly runner: Runner
  readonly shelf: WorkflowShelf
  readonly tabs: Tabs
  /** Asks the server for its node classes again: files came, models came. */
  refreshDefinitions(): Promise<void>
}

/** One for each tab. */
export interface App extends Editor, Shared {
  readonly file: WorkflowFile
}

export const AppContext = createContext<App | null>(null)

export function useApp(): App {
  const app = useContext(AppContext)
  if (!app) throw new Error('This component has to stand inside AppContext.')
  return app
}

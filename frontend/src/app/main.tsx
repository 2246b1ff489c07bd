/** Starts the page. */
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { useStore } from 'zustand'
import '@/ui/base.css'
import '@/canvas/canvas.css'
import '@/widgets/widgets.css'
import { claimClientId } from '@/app/client-id'
import { EditorApp } from '@/app/editor-app'
import { ErrorBoundary } from '@/app/error-boundary'
import { Shell } from '@/app/shell'
import { EditorContext } from '@/canvas/editor'
import { AppContext, type Shared } from '@/features/app'
import { followTheme } from '@/ui/theme'
import { TipProvider } from '@/ui/tip'

async function start(root: HTMLElement): Promise<void> {
  followTheme()
  const app = new EditorApp(await claimClientId())
  await app.restore()
  createRoot(root).render(
    <StrictMode>
      <ErrorBoundary>
        <Page shared={app.shared} />
      </ErrorBoundary>
    </StrictMode>,
  )
  await app.start()
}

/** Hands the shown document to everything below; all of it hears when another tab is shown. */
function Page({ shared }: { shared: Shared }) {
  const current = useStore(shared.tabs.store, (state) => state.current)
  if (!current) return null
  return (
    <AppContext value={current}>
      <EditorContext value={current}>
        <TipProvider>
          <Shell />
        </TipProvider>
      </EditorContext>
    </AppContext>
  )
}

const root = document.getElementById('root')
if (root) void start(root)

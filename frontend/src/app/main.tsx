/** Starts the page. */
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import '@/ui/base.css'
import '@/canvas/canvas.css'
import '@/widgets/widgets.css'
import { EditorApp } from '@/app/editor-app'
import { ErrorBoundary } from '@/app/error-boundary'
import { Shell } from '@/app/shell'
import { EditorContext } from '@/canvas/editor'
import { Definitions } from '@/definitions/object-info'
import { Drafts } from '@/document/drafts'
import { AppContext } from '@/features/app'
import { followTheme } from '@/ui/theme'
import { TipProvider } from '@/ui/tip'

async function start(root: HTMLElement): Promise<void> {
  followTheme()
  const drafts = new Drafts(new Definitions([]))
  const app = new EditorApp((await drafts.resume()) ?? (await drafts.create()))
  createRoot(root).render(
    <StrictMode>
      <ErrorBoundary>
        <AppContext value={app}>
          <EditorContext value={app}>
            <TipProvider>
              <Shell />
            </TipProvider>
          </EditorContext>
        </AppContext>
      </ErrorBoundary>
    </StrictMode>,
  )
  await app.start()
}

const root = document.getElementById('root')
if (root) void start(root)

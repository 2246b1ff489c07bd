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
import { AppContext } from '@/features/app'
import { followTheme } from '@/ui/theme'
import { TipProvider } from '@/ui/tip'

const root = document.getElementById('root')
if (root) {
  followTheme()
  const app = new EditorApp()
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
  void app.start()
}

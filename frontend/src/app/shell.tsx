/** The frame of the page: top bar, rail with panels, canvas, inspector, status line, and what floats over them. */
import { lazy, Suspense, useCallback, useState, type MouseEvent, type ReactNode } from 'react'
import { Toaster } from 'sonner'
import { useCanvas } from '@/canvas/editor'
import { Flow } from '@/canvas/flow'
import { PanelHost } from '@/app/panel-host'
import { Rail } from '@/app/rail'
import { StatusBar } from '@/app/status-bar'
import { TopBar } from '@/app/top-bar'
import { useApp } from '@/features/app'
import { DropArea } from '@/features/import/drop-area'
import { t } from '@/i18n'
import { ChoicesHost } from '@/ui/choices'
import { usePage } from '@/ui/page'
import { useTheme } from '@/ui/theme'
import '@/app/shell.css'

const Search = lazy(() => import('@/features/search/search'))
const Palette = lazy(() => import('@/features/palette/palette'))
const Lightbox = lazy(() => import('@/features/lightbox/lightbox'))
const Question = lazy(() => import('@/ui/question'))
const Errors = lazy(() => import('@/features/errors/errors-panel'))
const Inspector = lazy(() => import('@/features/inspector/inspector'))
const Minimap = lazy(() => import('@/canvas/minimap'))
const CanvasMenu = lazy(() => import('@/features/menu/canvas-menu'))
const EmptyCanvas = lazy(() => import('@/features/templates/empty-canvas'))

interface MenuPlace {
  readonly x: number
  readonly y: number
  readonly node: string | null
}

export function Shell() {
  const { canvas } = useApp()
  const [menu, setMenu] = useState<MenuPlace | null>(null)
  const page = usePage()
  const theme = useTheme((state) => state.shown)
  const empty = useCanvas((state) => state.nodes.length === 0)

  const openMenu = useCallback(
    (event: MouseEvent, node: string | null) => {
      event.preventDefault()
      if (node !== null && !canvas.selectedNodes().includes(node)) canvas.select([node])
      setMenu({ x: event.clientX, y: event.clientY, node })
    },
    [canvas],
  )

  return (
    <div className="shell">
      <TopBar />
      <Rail />
      <PanelHost />
      <main className="canvas-area" aria-label={t('canvas')}>
        <DropArea>
          <Flow onMenu={openMenu}>{page.minimap ? <Lazy of={<Minimap />} /> : null}</Flow>
        </DropArea>
        {empty ? <Lazy of={<EmptyCanvas />} /> : null}
        {page.errors ? <Lazy of={<Errors />} /> : null}
      </main>
      {page.inspector ? <Lazy of={<Inspector />} /> : null}
      <StatusBar />
      {page.search ? <Lazy of={<Search request={page.search} />} /> : null}
      {page.palette ? <Lazy of={<Palette />} /> : null}
      {page.lightbox ? <Lazy of={<Lightbox />} /> : null}
      {page.question ? <Lazy of={<Question />} /> : null}
      {menu ? <Lazy of={<CanvasMenu {...menu} onClose={() => setMenu(null)} />} /> : null}
      <ChoicesHost />
      <Toaster theme={theme} position="bottom-center" offset={36} className="toaster" />
    </div>
  )
}

/** Parts that arrive when they are first wanted; until then nothing is shown in their place. */
function Lazy({ of }: { of: ReactNode }) {
  return <Suspense fallback={null}>{of}</Suspense>
}

/** The frame of the page: top bar, rail with panels, canvas, inspector, status line, and what floats over them. */
import { useCallback, useState, type MouseEvent } from 'react'
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
import { Announcer } from '@/ui/announcer'
import { ChoicesHost } from '@/ui/choices'
import { later, Part } from '@/ui/later'
import { usePage } from '@/ui/page'
import { useTheme } from '@/ui/theme'
import '@/app/shell.css'

const Search = later(() => import('@/features/search/search'))
const Palette = later(() => import('@/features/palette/palette'))
const Lightbox = later(() => import('@/features/lightbox/lightbox'))
const Question = later(() => import('@/ui/question'))
const Errors = later(() => import('@/features/errors/errors-panel'))
const Inspector = later(() => import('@/features/inspector/inspector'))
const Minimap = later(() => import('@/canvas/minimap'))
const Links = later(() => import('@/features/links/link-panel'))
const Shortcuts = later(() => import('@/features/help/shortcuts'))
const CanvasMenu = later(() => import('@/features/menu/canvas-menu'))
const EmptyCanvas = later(() => import('@/features/templates/empty-canvas'))

interface MenuPlace {
  readonly x: number
  readonly y: number
  readonly node: string | null
}

export function Shell() {
  const { id, canvas } = useApp()
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
          <Flow key={id} onMenu={openMenu}>
            {page.minimap ? (
              <Part>
                <Minimap />
              </Part>
            ) : null}
          </Flow>
        </DropArea>
        {empty ? (
          <Part>
            <EmptyCanvas />
          </Part>
        ) : null}
        {page.errors ? (
          <Part>
            <Errors />
          </Part>
        ) : null}
      </main>
      {page.inspector ? (
        <Part>
          <Inspector />
        </Part>
      ) : null}
      <StatusBar />
      {page.search ? (
        <Part>
          <Search request={page.search} />
        </Part>
      ) : null}
      {page.links !== null ? (
        <Part>
          <Links node={page.links} />
        </Part>
      ) : null}
      {page.shortcuts ? (
        <Part>
          <Shortcuts />
        </Part>
      ) : null}
      {page.palette ? (
        <Part>
          <Palette />
        </Part>
      ) : null}
      {page.lightbox ? (
        <Part>
          <Lightbox />
        </Part>
      ) : null}
      {page.question ? (
        <Part>
          <Question />
        </Part>
      ) : null}
      {menu ? (
        <Part>
          <CanvasMenu {...menu} onClose={() => setMenu(null)} />
        </Part>
      ) : null}
      <Announcer />
      <ChoicesHost />
      <Toaster theme={theme} position="bottom-center" offset={36} className="toaster" />
    </div>
  )
}

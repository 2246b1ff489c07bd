/** The panel beside the rail; its edge can be dragged, or moved with the arrow keys. */
import { X } from 'lucide-react'
import { useLayoutEffect, type ComponentType, type PointerEvent } from 'react'
import { useApp } from '@/features/app'
import { t } from '@/i18n'
import { IconButton } from '@/ui/icon-button'
import { later, Part } from '@/ui/later'
import { page, usePage, type PanelName } from '@/ui/page'

const PANELS: Readonly<Record<PanelName, ComponentType>> = {
  workflows: later(() => import('@/features/workflows/workflows-panel')),
  nodes: later(() => import('@/features/library/nodes-panel')),
  gallery: later(() => import('@/features/feed/gallery-panel')),
  queue: later(() => import('@/features/queue/queue-panel')),
  templates: later(() => import('@/features/templates/templates-panel')),
}
const STEP = 24

export function PanelHost() {
  const { canvas } = useApp()
  const name = usePage((state) => state.panel)
  const width = usePage((state) => state.panelWidth)
  useLayoutEffect(() => canvas.stay(), [canvas, name, width])
  if (!name) return null
  const Panel = PANELS[name]
  const drag = (event: PointerEvent<HTMLDivElement>) => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return
    const left = event.currentTarget.parentElement?.getBoundingClientRect().left ?? 0
    page.resizePanel(event.clientX - left)
  }
  return (
    <aside className="side-panel" style={{ width }} aria-label={t(`panel.${name}`)} data-testid={`panel-${name}`}>
      <header>
        <h2>{t(`panel.${name}`)}</h2>
        <IconButton label={t('panel.close')} onClick={() => page.closePanel()}>
          <X size={16} />
        </IconButton>
      </header>
      <div className="panel-body">
        <Part key={name}>
          <Panel />
        </Part>
      </div>
      <div
        className="panel-grip"
        role="separator"
        tabIndex={0}
        aria-label={t('panel.resize')}
        aria-orientation="vertical"
        aria-valuenow={width}
        aria-valuemin={220}
        aria-valuemax={560}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={drag}
        onKeyDown={(event) => {
          const step = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key]
          if (step === undefined) return
          event.preventDefault()
          page.resizePanel(width + step)
        }}
      />
    </aside>
  )
}

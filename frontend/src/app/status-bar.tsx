/** The thin line at the bottom: zoom, nodes, what the executor does, queue, memory, last error. */
import { useEffect, useState } from 'react'
import { object } from '@/api/wire'
import { useCanvas, useRun, useServer } from '@/canvas/editor'
import { useLod } from '@/canvas/lod'
import { useApp } from '@/features/app'
import { t } from '@/i18n'
import { page } from '@/ui/page'

const MEMORY_EVERY_MS = 5000
const GIB = 2 ** 30

export function StatusBar() {
  const { canvas } = useApp()
  const zoom = useLod((state) => Math.round(state.zoom * 100))
  const nodes = useCanvas((state) => state.nodes.length)
  const selected = useCanvas((state) => state.nodes.reduce((count, node) => count + (node.selected ? 1 : 0), 0))
  const executor = useServer((state) => (state.connection === 'lost' ? 'unknown' : state.executor))
  const detail = useServer((state) => state.executorDetail)
  const remaining = useServer((state) => state.queueRemaining)
  const lastError = useRun((state) => state.lastError)
  return (
    <footer className="status-bar" aria-label={t('status')}>
      <button type="button" data-testid="zoom" title={t('status.zoomReset')} onClick={() => canvas.zoomTo(1)}>
        {zoom} %
      </button>
      <span data-testid="node-count">
        {t('status.nodes', { n: nodes })}
        {selected > 0 ? t('status.selected', { n: selected }) : ''}
      </span>
      <span data-testid="executor" data-state={executor} role="status" title={detail}>
        <i className="state-dot" data-state={executor} />
        {t(`executor.${executor}`)}
      </span>
      <button type="button" data-testid="status-queue" onClick={() => page.togglePanel('queue')}>
        {t('status.queue', { n: remaining })}
      </button>
      <Memory />
      <span className="spring" />
      {lastError ? (
        <button type="button" className="status-error" data-testid="last-error" onClick={() => page.setErrors(true)}>
          {lastError.message.slice(0, 120)}
        </button>
      ) : null}
    </footer>
  )
}

interface Use {
  readonly label: string
  readonly used: number
  readonly total: number
}

function Memory() {
  const { api } = useApp()
  const connection = useServer((state) => state.connection)
  const [uses, setUses] = useState<readonly Use[]>([])
  useEffect(() => {
    if (connection !== 'open') return
    const read = () => {
      if (document.visibilityState === 'visible')
        void api.systemStats().then(
          (stats) => setUses(usesOf(stats)),
          () => undefined,
        )
    }
    read()
    const timer = setInterval(read, MEMORY_EVERY_MS)
    return () => clearInterval(timer)
  }, [api, connection])
  return uses.map(({ label, used, total }) => (
    <span
      key={label}
      data-testid={`memory-${label}`}
      title={t('status.memory', { used: gib(used), total: gib(total) })}
    >
      <i className="meter">
        <span style={{ width: `${Math.round((100 * used) / total)}%` }} />
      </i>
      {label} {gib(used)}/{gib(total)} GB
    </span>
  ))
}

function usesOf(stats: Record<string, unknown>): Use[] {
  const system = object(stats['system'])
  const devices = Array.isArray(stats['devices']) ? stats['devices'].map(object) : []
  const gpu = devices.find((device) => device['type'] !== 'cpu')
  const entry = (label: string, total: unknown, free: unknown): Use[] =>
    Number(total) > 0 ? [{ label, total: Number(total), used: Number(total) - Number(free) }] : []
  return [
    ...entry('RAM', system['ram_total'], system['ram_free']),
    ...(gpu ? entry('VRAM', gpu['vram_total'], gpu['vram_free']) : []),
  ]
}

const gib = (bytes: number): string => (bytes / GIB).toFixed(1)

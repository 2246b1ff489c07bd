/** One finished run in the queue panel: picture, how it went, how long it took; opened, how long each node took. */
import { ChevronRight, FolderOpen, Trash2 } from 'lucide-react'
import { useId, useState } from 'react'
import type { HistoryRecord } from '@/api/wire'
import { useApp } from '@/features/app'
import { itemsOfRecord } from '@/features/feed/feed'
import { RunDetails } from '@/features/queue/run-details'
import { openRecord } from '@/features/workflows/opening'
import { t } from '@/i18n'
import { duration } from '@/ui/duration'
import { IconButton } from '@/ui/icon-button'
import { page } from '@/ui/page'

export function HistoryItem({ record, onGone }: { record: HistoryRecord; onGone: () => void }) {
  const app = useApp()
  const [open, setOpen] = useState(false)
  const details = useId()
  const items = itemsOfRecord(record)
  const pictures = items.map(({ file }) => ({ url: app.api.viewUrl(file), name: file.filename, title: file.filename }))
  const [first] = items
  return (
    <li data-testid={`history-item-${record.promptId}`} data-state={record.status}>
      <div className="list-item history-item">
        {first ? (
          <button
            type="button"
            className="thumb"
            aria-label={t('media.open', { name: first.file.filename })}
            onClick={() => page.openLightbox(pictures, 0)}
          >
            <img src={app.api.viewUrl(first.file, { preview: 'webp;70' })} alt="" loading="lazy" decoding="async" />
          </button>
        ) : (
          <span className="thumb" />
        )}
        <button
          type="button"
          className="grow"
          aria-expanded={open}
          aria-controls={details}
          title={t('history.details')}
          onClick={() => setOpen(!open)}
        >
          <ChevronRight size={12} className="turning" aria-hidden="true" />
          {t('queue.item', { n: record.number })}
          <span className="sub" data-status={record.status}>
            {t(`history.${record.status}`)}
            {summary(record)}
          </span>
        </button>
        <IconButton
          small
          label={t('history.open', { n: record.number })}
          data-testid={`history-open-${record.promptId}`}
          onClick={() => void openRecord(app, record)}
        >
          <FolderOpen size={14} />
        </IconButton>
        <IconButton
          small
          label={t('history.delete', { n: record.number })}
          onClick={() => void app.api.deleteHistory([record.promptId]).then(onGone)}
        >
          <Trash2 size={14} />
        </IconButton>
      </div>
      <div id={details} hidden={!open}>
        {open ? <RunDetails record={record} /> : null}
      </div>
    </li>
  )
}

/** How long it took and when it ended. */
function summary({ startedAt, endedAt }: HistoryRecord): string {
  if (endedAt === null) return ''
  const clock = new Date(endedAt).toLocaleTimeString(undefined, { timeStyle: 'short' })
  return startedAt === null ? ` · ${clock}` : ` · ${duration((endedAt - startedAt) / 1000)} · ${clock}`
}

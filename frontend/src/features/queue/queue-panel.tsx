/** What runs, what waits (each can be taken out), and what has ended (each can be opened again). */
import { X } from 'lucide-react'
import { useEffect, useState, useSyncExternalStore } from 'react'
import { object, text, type HistoryRecord, type QueueItem } from '@/api/wire'
import { useServer } from '@/canvas/editor'
import { useApp } from '@/features/app'
import { HistoryItem } from '@/features/queue/history-item'
import { t } from '@/i18n'
import { duration } from '@/ui/duration'
import { IconButton } from '@/ui/icon-button'
import '@/features/queue/queue.css'

const SHOWN = 50

export default function QueuePanel() {
  const { api, session } = useApp()
  const queue = useServer((state) => state.queue)
  const history = useHistoryRecords()
  const cancel = async (item: QueueItem) => {
    await api.cancelQueued([item.promptId])
    await session.loadQueue()
  }
  const clear = async () => {
    await api.clearQueue()
    await session.loadQueue()
  }
  return (
    <>
      <div className="list-head">
        {t('queue.running')}
        {queue.pending.length > 0 ? (
          <button type="button" className="button" data-testid="queue-clear" onClick={() => void clear()}>
            {t('queue.clear')}
          </button>
        ) : null}
      </div>
      <ul className="list" aria-label={t('queue.running')} data-testid="queue">
        {queue.running.map((item) => (
          <li
            key={item.promptId}
            className="list-item"
            data-testid={`queue-item-${item.promptId}`}
            data-state="running"
          >
            <span className="grow">
              {t('queue.item', { n: item.number })}
              <RunningProgress item={item} />
            </span>
            <IconButton small label={t('queue.stop')} onClick={() => void api.interrupt(item.promptId)}>
              <X size={14} />
            </IconButton>
          </li>
        ))}
        {queue.pending.map((item) => (
          <li
            key={item.promptId}
            className="list-item"
            data-testid={`queue-item-${item.promptId}`}
            data-state="pending"
          >
            <span className="grow">
              {t('queue.item', { n: item.number })}
              <span className="sub">{t('queue.waiting')}</span>
            </span>
            <IconButton
              small
              label={t('queue.cancel', { n: item.number })}
              data-testid={`queue-cancel-${item.promptId}`}
              onClick={() => void cancel(item)}
            >
              <X size={14} />
            </IconButton>
          </li>
        ))}
      </ul>
      {queue.running.length + queue.pending.length === 0 ? <p className="empty">{t('queue.empty')}</p> : null}
      <div className="list-head">{t('history.title')}</div>
      {history.records.length === 0 ? <p className="empty">{t('history.empty')}</p> : null}
      <ul className="list" aria-label={t('history.title')} data-testid="history">
        {history.records.map((record) => (
          <HistoryItem key={record.promptId} record={record} onGone={history.reload} />
        ))}
      </ul>
    </>
  )
}

/** Of whichever tab sent it; prompts of other browser tabs tell nothing here. */
function RunningProgress({ item }: { item: QueueItem }) {
  const { session } = useApp()
  const owner = session.ownerOf(item.promptId)
  return owner === null ? null : <OwnProgress owner={owner} item={item} />
}

function OwnProgress({ owner, item }: { owner: string; item: QueueItem }) {
  const { session, catalog } = useApp()
  const run = session.runOf(owner)
  const node = useSyncExternalStore(run.subscribe, () => run.getState().runningNode)
  const progress = useSyncExternalStore(run.subscribe, () => run.getState().nodes[node ?? '']?.progress)
  const classType = text(object(item.prompt[node ?? ''])['class_type'])
  const name = catalog.getState().definitions?.get(classType)?.displayName ?? classType
  return (
    <span className="sub">
      {name} {progress ? `${progress.value}/${progress.max}` : ''}
      {progress?.secondsLeft ? ` · ${t('progress.left', { time: duration(progress.secondsLeft) })}` : ''}
      <span className="progress" style={{ display: 'block' }}>
        <span style={{ transform: `scaleX(${progress ? progress.value / progress.max : 0})` }} />
      </span>
    </span>
  )
}

/** The last finished prompts, read again whenever the queue changes. */
function useHistoryRecords() {
  const { api } = useApp()
  const queue = useServer((state) => state.queue)
  const [records, setRecords] = useState<readonly HistoryRecord[]>([])
  const [asked, setAsked] = useState(0)
  useEffect(() => {
    let wanted = true
    void api.history(SHOWN).then(
      (found) => wanted && setRecords(found.reverse()),
      () => undefined,
    )
    return () => {
      wanted = false
    }
  }, [api, queue, asked])
  return { records, reload: () => setAsked((count) => count + 1) }
}

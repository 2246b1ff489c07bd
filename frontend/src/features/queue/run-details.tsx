/** How long each node of a finished run took, in the order of the prompt, and why it failed. */
import { Zap } from 'lucide-react'
import { useEffect, useState } from 'react'
import { array, object, text, type HistoryRecord } from '@/api/wire'
import { useApp } from '@/features/app'
import type { Definitions } from '@/definitions/object-info'
import type { NodeId } from '@/graph/model'
import { t } from '@/i18n'
import { duration } from '@/ui/duration'

export function RunDetails({ record }: { record: HistoryRecord }) {
  const { api, catalog } = useApp()
  const [seconds, setSeconds] = useState<Readonly<Record<NodeId, number>> | null>(null)
  useEffect(() => {
    api.nodeSeconds(record.promptId).then(setSeconds, () => setSeconds({}))
  }, [api, record])
  const failure = object(record.messages.findLast(([name]) => name === 'execution_error')?.[1])
  const cached = new Set(record.cached)
  const nodes = Object.keys(record.prompt).filter((id) => cached.has(id) || seconds?.[id] !== undefined)
  const longest = Math.max(...nodes.map((id) => seconds?.[id] ?? 0))
  const names = namesOf(record, catalog.getState().definitions)
  return (
    <div className="run-details" data-testid={`run-details-${record.promptId}`}>
      {text(failure['exception_message']) ? <p className="run-failure">{text(failure['exception_message'])}</p> : null}
      <table aria-label={t('history.times')}>
        <tbody>
          {nodes.map((id) => (
            <tr key={id} data-testid={`node-time-${id}`}>
              <th scope="row">{names(id)}</th>
              <td>
                <span className="run-bar" style={{ width: `${share(seconds?.[id], longest)}%` }} />
              </td>
              <td>{cached.has(id) ? <Cached /> : duration(seconds?.[id] ?? 0)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {seconds && nodes.length === 0 ? <p className="empty">{t('history.noTimes')}</p> : null}
    </div>
  )
}

function Cached() {
  return (
    <span title={t('mark.cached')}>
      <Zap size={11} aria-hidden="true" /> {t('mark.cachedShort')}
    </span>
  )
}

const share = (seconds: number | undefined, longest: number): number =>
  seconds === undefined || longest <= 0 ? 0 : Math.max(1, Math.round((100 * seconds) / longest))

/** Titles that nodes had in the workflow, else the names of their classes. */
function namesOf({ workflow, prompt }: HistoryRecord, definitions: Definitions | null): (id: NodeId) => string {
  const titles = new Map(
    array(workflow?.['nodes']).map((entry) => {
      const node = object(entry)
      return [JSON.stringify(node['id'] ?? ''), text(node['title'])] as const
    }),
  )
  return (id) => {
    const classType = text(object(prompt[id])['class_type'])
    return (
      titles.get(id) || titles.get(JSON.stringify(id)) || definitions?.get(classType)?.displayName || classType || id
    )
  }
}

/** Workflows saved on the server: open, rename, delete, save the current one. */
import { FilePlus2, Pencil, Save, Trash2 } from 'lucide-react'
import { useEffect, useMemo, useState, type ReactNode } from 'react'
import { useStore } from 'zustand'
import { useApp } from '@/features/app'
import { nameOf } from '@/features/workflows/names'
import { openSaved } from '@/features/workflows/opening'
import { t } from '@/i18n'
import { IconButton } from '@/ui/icon-button'

export default function WorkflowsPanel() {
  const app = useApp()
  const { shelf, file: open, commands } = app
  const list = useStore(shelf.store, (state) => state.list)
  const path = useStore(open.store, (state) => state.path)
  const [text, setText] = useState('')
  const shown = useMemo(() => list.filter((file) => file.path.toLowerCase().includes(text.toLowerCase())), [list, text])
  useEffect(() => void shelf.refresh(), [shelf])
  return (
    <>
      <div className="panel-tools">
        <button type="button" className="button" data-kind="outline" onClick={() => commands.run('workflow.new')}>
          <FilePlus2 size={14} /> {t('workflows.new')}
        </button>
        <button type="button" className="button" data-kind="outline" onClick={() => commands.run('workflow.save')}>
          <Save size={14} /> {t('workflows.save')}
        </button>
      </div>
      {list.length > 6 ? (
        <input
          className="field"
          aria-label={t('workflows.filter')}
          placeholder={t('workflows.filter')}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      ) : null}
      {list.length === 0 ? <p className="empty">{t('workflows.empty')}</p> : null}
      <ul className="list" aria-label={t('panel.workflows')} data-testid="workflows">
        {shown.map((file) => (
          <li key={file.path} className="list-item" data-testid={`workflow-${nameOf(file.path)}`}>
            <button
              type="button"
              className="grow"
              aria-current={file.path === path ? 'true' : undefined}
              onClick={() => void openSaved(app, file.path)}
            >
              {nameOf(file.path)}
              <span className="sub">{when(file.modified)}</span>
            </button>
            <IconAction
              label={t('workflows.rename', { name: nameOf(file.path) })}
              onClick={() => void shelf.rename(file.path)}
            >
              <Pencil size={14} />
            </IconAction>
            <IconAction
              label={t('workflows.delete', { name: nameOf(file.path) })}
              onClick={() => void shelf.remove(file.path)}
            >
              <Trash2 size={14} />
            </IconAction>
          </li>
        ))}
      </ul>
    </>
  )
}

function IconAction({ label, onClick, children }: { label: string; onClick: () => void; children: ReactNode }) {
  return (
    <IconButton small label={label} onClick={onClick}>
      {children}
    </IconButton>
  )
}

/** Seconds or milliseconds since 1970, for people. */
function when(time: number): string {
  if (!time) return ''
  return new Date(time < 1e11 ? time * 1000 : time).toLocaleString(undefined, {
    dateStyle: 'medium',
    timeStyle: 'short',
  })
}

/** The bar on top: the workflow's name, undo, connection, Run and Interrupt. */
import { Play, Redo2, Save, Search, SlidersHorizontal, Square, Undo2, WifiOff } from 'lucide-react'
import { useState } from 'react'
import { useStore } from 'zustand'
import { useHistory, useServer } from '@/canvas/editor'
import { useApp } from '@/features/app'
import { TabStrip } from '@/features/tabs/tab-strip'
import { t } from '@/i18n'
import { IconButton } from '@/ui/icon-button'
import { keysText } from '@/ui/keys-text'
import { page, usePage } from '@/ui/page'
import { Tip } from '@/ui/tip'

export function TopBar() {
  const { commands } = useApp()
  const history = useHistory()
  const inspector = usePage((state) => state.inspector)
  const keys = (id: string) => keysText(commands, id)
  return (
    <header className="top-bar">
      <span className="brand" aria-hidden="true">
        <Logo />
      </span>
      <TabStrip />
      <IconButton
        label={t('workflows.save')}
        keys={keys('workflow.save')}
        data-testid="save"
        onClick={() => commands.run('workflow.save')}
      >
        <Save size={16} />
      </IconButton>
      <IconButton
        label={history.undoLabel ? t('undo.of', { step: history.undoLabel }) : t('undo')}
        keys={keys('graph.undo')}
        data-testid="undo"
        disabled={!history.canUndo}
        onClick={() => commands.run('graph.undo')}
      >
        <Undo2 size={16} />
      </IconButton>
      <IconButton
        label={history.redoLabel ? t('redo.of', { step: history.redoLabel }) : t('redo')}
        keys={keys('graph.redo')}
        data-testid="redo"
        disabled={!history.canRedo}
        onClick={() => commands.run('graph.redo')}
      >
        <Redo2 size={16} />
      </IconButton>
      <span className="spring" />
      <ConnectionNote />
      <IconButton label={t('palette.title')} keys={keys('app.palette')} onClick={() => page.setPalette(true)}>
        <Search size={16} />
      </IconButton>
      <IconButton label={t('inspector.title')} aria-pressed={inspector} onClick={() => page.toggleInspector()}>
        <SlidersHorizontal size={16} />
      </IconButton>
      <RunControls />
    </header>
  )
}

function ConnectionNote() {
  const connection = useServer((state) => state.connection)
  if (connection !== 'lost') return null
  return (
    <span className="connection" role="status" data-testid="connection-lost">
      <WifiOff size={14} aria-hidden="true" />
      {t('connection.lost')}
    </span>
  )
}

function RunControls() {
  const { commands, runner } = useApp()
  const remaining = useServer((state) => state.queueRemaining)
  const running = useServer((state) => state.runningPrompt !== null)
  const starting = useServer((state) => state.executor === 'starting')
  const batch = useStore(runner.store, (state) => state.batch)
  const [text, setText] = useState<string | null>(null)
  return (
    <>
      <IconButton
        label={t('run.interrupt')}
        keys={keysText(commands, 'run.interrupt')}
        data-testid="interrupt"
        disabled={!running}
        onClick={() => commands.run('run.interrupt')}
      >
        <Square size={16} fill="currentColor" />
      </IconButton>
      <div className="run-group" role="group" aria-label={t('run.group')}>
        <Tip text={starting ? t('run.starting') : t('run.hint')} keys={keysText(commands, 'run.queue')}>
          <button
            type="button"
            className="button"
            data-kind="primary"
            data-testid="run"
            onClick={() => commands.run('run.queue')}
          >
            <Play size={15} fill="currentColor" aria-hidden="true" />
            {t('run')}
            {remaining > 0 ? (
              <span className="queue-count" data-testid="queue-count" aria-label={t('status.queue', { n: remaining })}>
                {remaining}
              </span>
            ) : null}
          </button>
        </Tip>
        <input
          className="batch"
          type="text"
          inputMode="numeric"
          role="spinbutton"
          aria-label={t('run.batch')}
          aria-valuenow={batch}
          aria-valuemin={1}
          aria-valuemax={99}
          title={t('run.batch')}
          data-testid="batch"
          value={text ?? `×${batch}`}
          onFocus={(event) => {
            setText(String(batch))
            const field = event.target
            requestAnimationFrame(() => field.select())
          }}
          onChange={(event) => {
            setText(event.target.value)
            runner.setBatch(Number(event.target.value.replace(/\D/g, '')))
          }}
          onBlur={() => setText(null)}
          onKeyDown={(event) => {
            if (event.key === 'ArrowUp' || event.key === 'ArrowDown') {
              event.preventDefault()
              runner.setBatch(batch + (event.key === 'ArrowUp' ? 1 : -1))
              setText(String(runner.store.getState().batch))
            }
            if (event.key === 'Enter' || event.key === 'Escape') event.currentTarget.blur()
          }}
        />
      </div>
    </>
  )
}

function Logo() {
  return (
    <svg width="22" height="22" viewBox="0 0 22 22" fill="none" stroke="currentColor" strokeWidth="2">
      <circle cx="5" cy="6" r="2.5" fill="currentColor" stroke="none" />
      <circle cx="5" cy="16" r="2.5" />
      <circle cx="17" cy="11" r="2.5" fill="currentColor" stroke="none" />
      <path d="M7.5 6C12 6 10 11 14.5 11M7.5 16c4.500 0 2.500-5 7-5" />
    </svg>
  )
}

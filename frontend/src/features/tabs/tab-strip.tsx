/** The open workflows in the top bar: click shows one, middle-click closes it, double-click saves under another name. */
import { Plus, X } from 'lucide-react'
import { useEffect, useRef, type KeyboardEvent, type MouseEvent } from 'react'
import { useStore } from 'zustand'
import { useServer } from '@/canvas/editor'
import { useApp } from '@/features/app'
import type { TabEntry } from '@/features/tabs/tabs'
import { t } from '@/i18n'
import { IconButton } from '@/ui/icon-button'
import { keysText } from '@/ui/keys-text'
import '@/features/tabs/tabs.css'

const MIDDLE = 1

export function TabStrip() {
  const { tabs, commands, id, session } = useApp()
  const entries = useStore(tabs.store, (state) => state.entries)
  const running = useServer((state) => session.ownerOf(state.runningPrompt))
  return (
    <>
      <div className="tabs" role="tablist" aria-label={t('tabs')} data-testid="tabs">
        {entries.map((entry) => (
          <Tab key={entry.id} entry={entry} shown={entry.id === id} running={entry.id === running} />
        ))}
      </div>
      <IconButton
        label={t('tabs.new')}
        keys={keysText(commands, 'workflow.new')}
        data-testid="new-tab"
        onClick={() => commands.run('workflow.new')}
      >
        <Plus size={16} />
      </IconButton>
    </>
  )
}

interface TabProps {
  readonly entry: TabEntry
  readonly shown: boolean
  readonly running: boolean
}

function Tab({ entry: { id, name, dirty }, shown, running }: TabProps) {
  const { tabs, commands } = useApp()
  const tab = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (shown) tab.current?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  }, [shown])

  const keyDown = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key] as -1 | 1 | undefined
    if (step) void tabs.step(step).then(() => focusShown())
    else if (event.key === 'Delete') void tabs.close(id).then(() => focusShown())
    else if (event.key === 'Enter' || event.key === ' ') void tabs.show(id)
    else return
    event.preventDefault()
  }
  const close = (event: MouseEvent) => {
    event.stopPropagation()
    void tabs.close(id)
  }
  return (
    <div
      ref={tab}
      className="tab"
      role="tab"
      tabIndex={shown ? 0 : -1}
      aria-selected={shown}
      aria-label={t(running ? 'tabs.running' : dirty ? 'tabs.unsaved' : 'tabs.saved', { name })}
      title={shown ? t('tabs.rename') : name}
      data-testid={`tab-${id}`}
      data-shown={shown ? '' : undefined}
      data-running={running ? '' : undefined}
      onClick={() => void tabs.show(id)}
      onDoubleClick={() => commands.run('workflow.saveAs')}
      onAuxClick={(event) => event.button === MIDDLE && close(event)}
      onKeyDown={keyDown}
    >
      <span className="tab-name" data-testid={shown ? 'workflow-name' : undefined}>
        {name}
      </span>
      {dirty ? (
        <span
          className="unsaved"
          title={t('workflows.unsaved')}
          aria-hidden="true"
          data-testid={shown ? 'unsaved' : undefined}
        />
      ) : null}
      {/* For the pointer only: Delete and the command close a tab by keys. */}
      <span className="tab-close" aria-hidden="true" title={t('tabs.close', { name })} onClick={close}>
        <X size={13} />
      </span>
    </div>
  )
}

/** Whoever moves through the tabs by keys stays in the strip. */
function focusShown(): void {
  requestAnimationFrame(() => document.querySelector<HTMLElement>('.tab[data-shown]')?.focus())
}

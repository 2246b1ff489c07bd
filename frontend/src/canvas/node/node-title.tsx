/** Title bar of a node: name (double-click to change it), state marks, progress line. */
import { EyeOff, Pin as PinIcon, Redo2, Zap } from 'lucide-react'
import { useState } from 'react'
import { useCanvas, useEditor, useNodeRun } from '@/canvas/editor'
import type { NodeDefinition } from '@/definitions/types'
import { NodeMode, type NodeView } from '@/graph/model'
import { t } from '@/i18n'
import { StandingSigns } from '@/ui/standing'
import { duration } from '@/ui/duration'

export interface NodeTitleProps {
  readonly view: NodeView
  readonly definition: NodeDefinition
  readonly name: string
}

export function NodeTitle({ view, definition, name }: NodeTitleProps) {
  const editor = useEditor()
  const renaming = useCanvas((state) => state.renaming === view.id)
  const run = useNodeRun(view.id)
  const running = run.status === 'running'
  return (
    <header className="node-title" onDoubleClick={() => editor.canvas.rename(view.id)}>
      {renaming ? <TitleField id={view.id} name={name} /> : <span className="node-name">{name}</span>}
      <span className="node-marks">
        {running && run.progress ? (
          <span className="node-step" data-testid={`step-${view.id}`}>
            {run.progress.value}/{run.progress.max}
            {run.progress.secondsLeft === null ? null : ` · ${duration(run.progress.secondsLeft)}`}
          </span>
        ) : null}
        {run.seconds !== null ? (
          <span className="node-seconds" title={t('mark.seconds')} data-testid={`seconds-${view.id}`}>
            {duration(run.seconds)}
          </span>
        ) : null}
        {run.status === 'cached' ? (
          <Zap size={12} aria-label={t('mark.cached')} data-testid={`cached-${view.id}`} />
        ) : null}
        <StandingSigns definition={definition} />
        {view.mode === NodeMode.mute ? <EyeOff size={12} aria-label={t('mark.muted')} /> : null}
        {view.mode === NodeMode.bypass ? <Redo2 size={12} aria-label={t('mark.bypassed')} /> : null}
        {view.pinned ? <PinIcon size={12} aria-label={t('mark.pinned')} /> : null}
      </span>
      {running ? (
        <span
          className="node-progress"
          role="progressbar"
          aria-label={t('progress.of', { name })}
          aria-valuenow={run.progress?.value ?? 0}
          aria-valuemin={0}
          aria-valuemax={run.progress?.max ?? 1}
          data-testid={`progress-${view.id}`}
        >
          <span style={{ transform: `scaleX(${run.progress ? run.progress.value / run.progress.max : 0})` }} />
        </span>
      ) : null}
    </header>
  )
}

function TitleField({ id, name }: { id: string; name: string }) {
  const editor = useEditor()
  const [text, setText] = useState(name)
  const close = (keep: boolean) => {
    // Giving the focus away blurs the field, which would close it a second time and keep what Escape gave up.
    if (editor.canvas.store.getState().renaming !== id) return
    editor.canvas.rename(null)
    if (keep && text !== name) editor.document.setTitle(id, text.trim() === '' ? null : text.trim())
    editor.canvas.focus()
  }
  return (
    <input
      className="node-name-field nodrag nopan"
      aria-label={t('title.label')}
      data-testid={`title-${id}`}
      autoFocus
      value={text}
      onFocus={(event) => event.target.select()}
      onChange={(event) => setText(event.target.value)}
      onBlur={() => close(true)}
      onKeyDown={(event) => {
        if (event.key === 'Enter') event.currentTarget.blur()
        if (event.key === 'Escape') close(false)
        event.stopPropagation()
      }}
    />
  )
}

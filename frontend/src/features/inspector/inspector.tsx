/** About the selected node: title, class, what the class does, its slots. */
import { X } from 'lucide-react'
import { useCanvas } from '@/canvas/editor'
import type { FlowNode } from '@/canvas/projection'
import { t } from '@/i18n'
import { IconButton } from '@/ui/icon-button'
import { page } from '@/ui/page'
import { StandingSentences } from '@/ui/standing'
import { slotColour } from '@/ui/slot-colour'
import '@/features/inspector/inspector.css'

export default function Inspector() {
  const node = useCanvas((state) => {
    const selected = state.nodes.filter((entry) => entry.selected)
    return selected.length === 1 ? selected[0] : undefined
  })
  return (
    <aside className="inspector" aria-label={t('inspector.title')} data-testid="inspector">
      <header>
        <h2>{node ? (node.data.view.title ?? node.data.definition.displayName) : t('inspector.title')}</h2>
        <IconButton label={t('panel.close')} onClick={() => page.toggleInspector()}>
          <X size={16} />
        </IconButton>
      </header>
      <div className="panel-body">{node ? <About node={node} /> : <p className="empty">{t('inspector.none')}</p>}</div>
    </aside>
  )
}

function About({ node }: { node: FlowNode }) {
  const { definition, view } = node.data
  return (
    <>
      <p className="about-line">
        <span className="sub">{t('inspector.class')}</span>
        <span className="mono">{view.classType}</span>
      </p>
      <p className="about-line">
        <span className="sub">{t('inspector.id')}</span>
        <span className="mono">{node.id}</span>
      </p>
      <p className="about-line">
        <span className="sub">{t('inspector.category')}</span>
        {definition.category || '–'}
      </p>
      <StandingSentences definition={definition} />
      <p className="about-text">{definition.description || t('inspector.noDescription')}</p>
      <Slots title={t('inspector.inputs')} slots={definition.inputs} />
      <Slots title={t('inspector.outputs')} slots={definition.outputs} />
    </>
  )
}

interface Slot {
  readonly name: string
  readonly type: string
  readonly tooltip: string | null
}

function Slots({ title, slots }: { title: string; slots: readonly Slot[] }) {
  if (slots.length === 0) return null
  return (
    <>
      <h3 className="list-head">{title}</h3>
      <ul className="list">
        {slots.map((slot) => (
          <li key={slot.name} className="about-slot">
            <i style={{ background: slotColour(slot.type) }} aria-hidden="true" />
            <span>
              {slot.name} <span className="mono">{slot.type}</span>
              {slot.tooltip ? <span className="sub about-tip">{slot.tooltip}</span> : null}
            </span>
          </li>
        ))}
      </ul>
    </>
  )
}

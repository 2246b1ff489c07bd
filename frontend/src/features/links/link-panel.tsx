/** Connecting by keys: the slots of a node, then what the chosen one can be connected with. Arrow keys, Enter, Escape. */
import { Command } from 'cmdk'
import { Plus, Unlink } from 'lucide-react'
import { useEffect, useMemo, useRef, useState, type KeyboardEvent } from 'react'
import { toast } from 'sonner'
import { useAim } from '@/canvas/aim'
import { useCanvas, useEditor } from '@/canvas/editor'
import type { FlowNode } from '@/canvas/projection'
import {
  candidatesFor,
  partnersOf,
  placeOf,
  requestOf,
  slotKey,
  slotName,
  slotsOf,
  type Slot,
} from '@/features/links/slots'
import { nameOf } from '@/graph/connect'
import type { GraphLink, NodeId } from '@/graph/model'
import { t } from '@/i18n'
import { announce } from '@/ui/announce'
import { page } from '@/ui/page'
import { slotColour } from '@/ui/slot-colour'
import '@/features/search/search.css'
import '@/features/links/links.css'

const WIDTH = 380
const HEIGHT = 400
const GAP = 16
const NEW = 'new node'
const cutKey = (link: GraphLink): string => `cut ${link.id}`

export default function LinkPanel({ node }: { node: NodeId }) {
  const shown = useCanvas((state) => state.nodes.find((entry) => entry.id === node))
  useEffect(() => {
    if (!shown) page.closeLinks()
  }, [shown])
  return shown ? <Panel key={node} shown={shown} /> : null
}

function Panel({ shown }: { shown: FlowNode }) {
  const { document, canvas } = useEditor()
  const nodes = useCanvas((state) => state.nodes)
  const box = useRef<HTMLDivElement>(null)
  const [place] = useState(() => beside(canvas.toScreen(shown.position), canvas.toScreen(rightOf(shown))))
  const [from, setFrom] = useState<Slot | null>(null)
  const [text, setText] = useState('')
  const [marked, setMarked] = useState('')
  const name = nameOf(document, shown.id)

  const all = useMemo(
    () => (from ? candidatesFor(document, nodes, from) : slotsOf(document, shown)),
    [document, nodes, from, shown],
  )
  const about = (slot: Slot) =>
    from ? nameOf(document, slot.node) : partnersOf(document, slot) || (slot.handle.onWidget ? '' : t('links.free'))
  const words = text.toLowerCase().split(/\s+/)
  const found = all.filter((slot) => {
    const whole = `${slotName(slot)} ${slot.handle.type} ${about(slot)} ${slot.node}`.toLowerCase()
    return words.every((word) => whole.includes(word))
  })

  useEffect(() => {
    const aimed = found.find((slot) => slotKey(slot) === marked)
    const end = aimed ? { node: aimed.node, handle: aimed.handle.id } : null
    useAim.setState(from ? { from: { node: from.node, handle: from.handle.id }, to: end } : { from: end, to: null })
    if (from && aimed) canvas.reveal([aimed.node])
  })
  useEffect(() => {
    const outside = (event: PointerEvent) => {
      if (!box.current?.contains(event.target as Node)) page.closeLinks()
    }
    window.addEventListener('pointerdown', outside, true)
    return () => {
      window.removeEventListener('pointerdown', outside, true)
      useAim.setState({ from: null, to: null })
    }
  }, [])

  const leave = () => {
    page.closeLinks()
    canvas.focus()
  }
  const go = (slot: Slot | null) => {
    setFrom(slot)
    setText('')
    setMarked('')
  }
  const back = () => {
    if (!from) return leave()
    canvas.reveal([from.node])
    announce(t('links.cancelled'))
    go(null)
  }
  const connect = (other: Slot) => {
    if (!from) return
    const verdict = document.connect(requestOf(from, other))
    leave()
    canvas.reveal([shown.id])
    if (!verdict.ok) return void toast(verdict.reason)
    announce(t('links.connected', { a: slotName(from), b: slotName(other), node: nameOf(document, other.node) }))
  }
  const cut = (link: GraphLink) => {
    document.removeLinks([link.id])
    announce(t('links.cut'))
    leave()
  }
  const addNode = () => {
    if (!from) return
    const at = canvas.toScreen(placeOf(shown, from.handle))
    const x = at.x + (from.handle.side === 'output' ? 60 : -60)
    page.closeLinks()
    page.openSearch({ x, y: at.y, from: { node: from.node, handle: from.handle.id, type: from.handle.type } })
  }
  const keyDown = (event: KeyboardEvent) => {
    event.stopPropagation()
    if (event.key === 'Escape' || (event.key === 'Backspace' && text === '' && from)) {
      event.preventDefault()
      back()
    }
  }

  const title = from ? t('links.from', { slot: slotName(from), node: name }) : t('links.of', { node: name })
  return (
    <div ref={box} className="floating search links" role="dialog" aria-label={title} style={place} data-testid="links">
      <p className="links-title">
        {from ? <Dot type={from.handle.type} /> : null}
        {title}
      </p>
      <Command label={title} shouldFilter={false} loop value={marked} onValueChange={setMarked} onKeyDown={keyDown}>
        <Command.Input
          key={from ? 'to' : 'from'}
          autoFocus
          className="field"
          data-testid="links-field"
          placeholder={t(from ? 'links.filterTo' : 'links.filterFrom')}
          value={text}
          onValueChange={setText}
        />
        <Command.List className="search-list" label={title}>
          <Command.Empty className="empty">{t('choices.none')}</Command.Empty>
          {found.map((slot) => (
            <Command.Item
              key={slotKey(slot)}
              value={slotKey(slot)}
              className="menu-item search-item"
              data-testid={`slot-${slot.node}-${slot.handle.id}`}
              onSelect={() => (from ? connect(slot) : go(slot))}
            >
              <Dot type={slot.handle.type} />
              <span className="search-name">
                {t(slot.handle.side === 'input' ? 'pin.input' : 'pin.output', { name: slotName(slot) })}
              </span>
              <span className="mono sub-type">{slot.handle.type}</span>
              <span className="keys">{about(slot)}</span>
            </Command.Item>
          ))}
          {from && text === '' ? (
            <>
              <Command.Item
                value={NEW}
                className="menu-item search-item"
                data-testid="links-new-node"
                onSelect={addNode}
              >
                <Plus size={13} aria-hidden="true" />
                {t('links.newNode')}
              </Command.Item>
              {from.links.map((link) => (
                <Command.Item
                  key={cutKey(link)}
                  value={cutKey(link)}
                  className="menu-item search-item"
                  data-testid={`cut-${link.id}`}
                  onSelect={() => cut(link)}
                >
                  <Unlink size={13} aria-hidden="true" />
                  {t('links.disconnect', {
                    node: nameOf(document, from.handle.side === 'input' ? link.source : link.target),
                  })}
                </Command.Item>
              ))}
            </>
          ) : null}
        </Command.List>
      </Command>
      <p className="links-help">{t(from ? 'links.helpTo' : 'links.helpFrom')}</p>
    </div>
  )
}

function Dot({ type }: { type: string }) {
  return <i className="links-dot" style={{ background: slotColour(type) }} aria-hidden="true" />
}

const rightOf = ({ position, width = 0 }: FlowNode) => ({ x: position.x + width, y: position.y })

/** Right of the node when there is room, else left of it; never outside of the window. */
function beside(left: { x: number; y: number }, right: { x: number; y: number }) {
  const fits = right.x + GAP + WIDTH + 8 < window.innerWidth
  const x = fits ? right.x + GAP : left.x - GAP - WIDTH
  return {
    left: Math.max(8, Math.min(x, window.innerWidth - WIDTH - 8)),
    top: Math.max(8, Math.min(right.y, window.innerHeight - HEIGHT - 8)),
    width: WIDTH,
  }
}

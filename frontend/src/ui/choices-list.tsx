/** The list that `openChoices` shows: a filter above long lists, arrow keys, Enter, Escape. */
import { Command, defaultFilter } from 'cmdk'
import { useEffect, useRef, useState } from 'react'
import { t } from '@/i18n'
import { closeChoices, type ChoicesRequest } from '@/ui/choices'

const WIDTH = 260
const HEIGHT = 320
const FILTER_FROM = 8

export default function ChoicesList({ request }: { request: ChoicesRequest }) {
  const box = useRef<HTMLDivElement>(null)
  const [place] = useState(() => beside(request.anchor.getBoundingClientRect()))
  const [marked, setMarked] = useState(() =>
    keyOf(request.options.findIndex((option) => option.value === request.value)),
  )
  const [options, setOptions] = useState(request.options)
  if (options !== request.options) {
    const value = options[placeOf(marked)]?.value
    setOptions(request.options)
    setMarked(keyOf(request.options.findIndex((option) => option.value === value)))
  }
  const filter = request.options.length >= FILTER_FROM

  useEffect(() => {
    if (!filter) box.current?.querySelector<HTMLElement>('[cmdk-root]')?.focus()
    box.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' })
    const outside = (event: PointerEvent) => {
      if (!box.current?.contains(event.target as Node)) closeChoices()
    }
    window.addEventListener('pointerdown', outside, true)
    window.addEventListener('wheel', leaveOnWheel, { capture: true, passive: true })
    return () => {
      window.removeEventListener('pointerdown', outside, true)
      window.removeEventListener('wheel', leaveOnWheel, { capture: true })
    }
    function leaveOnWheel(event: WheelEvent) {
      if (!box.current?.contains(event.target as Node)) closeChoices()
    }
  }, [filter])

  return (
    <div ref={box} className="floating choices" style={place}>
      <Command
        label={request.label}
        loop
        filter={byLabel}
        value={marked}
        onValueChange={setMarked}
        onKeyDown={(event) => {
          event.stopPropagation()
          if (event.key === 'Escape' || event.key === 'Tab') {
            event.preventDefault()
            closeChoices()
          }
        }}
      >
        {filter ? <Command.Input autoFocus className="field" placeholder={t('choices.filter')} /> : null}
        <Command.List id="choices" className="choices-list" label={request.label}>
          <Command.Empty className="empty">
            {t(request.options.length > 0 ? 'choices.none' : 'choices.empty')}
          </Command.Empty>
          {request.options.map((option, at) => (
            <Command.Item
              key={keyOf(at)}
              value={keyOf(at)}
              keywords={[option.label]}
              className="menu-item"
              onSelect={() => {
                closeChoices()
                request.onPick(option.value)
              }}
            >
              <span className="choices-mark" aria-hidden="true">
                {option.value === request.value ? '•' : ''}
              </span>
              <span className="choices-label">{option.label}</span>
              {option.hint ? <span className="keys">{option.hint}</span> : null}
            </Command.Item>
          ))}
        </Command.List>
      </Command>
    </div>
  )
}

/** Values may look alike (1 and "1"), so the place in the list tells them apart. */
const keyOf = (at: number): string => (at < 0 ? '' : `choice ${at}`)
const placeOf = (key: string): number => (key === '' ? -1 : Number(key.slice('choice '.length)))

const byLabel = (_key: string, typed: string, keywords: string[] = []): number =>
  defaultFilter(keywords.join(' '), typed, [])

/** Under the anchor when there is room, above it otherwise. */
function beside(anchor: DOMRect) {
  const left = Math.max(8, Math.min(anchor.left, window.innerWidth - WIDTH - 8))
  const width = Math.max(WIDTH, Math.min(anchor.width, 420))
  const below = window.innerHeight - anchor.bottom
  return below > HEIGHT || below > anchor.top
    ? { left, width, top: anchor.bottom + 4, maxHeight: Math.max(120, below - 12) }
    : { left, width, bottom: window.innerHeight - anchor.top + 4, maxHeight: Math.max(120, anchor.top - 12) }
}

/** Add-node search: type, arrow keys, Enter. After a wire was dropped it offers only what can take the wire, and connects it. */
import { Command } from 'cmdk'
import { useEffect, useMemo, useRef, useState } from 'react'
import { useEditor } from '@/canvas/editor'
import { parseHandle } from '@/definitions/handles'
import type { NodeDefinition } from '@/definitions/types'
import { addFound } from '@/features/search/add-found'
import type { WireEnd } from '@/features/search/find-nodes'
import { readUsage } from '@/features/search/usage'
import { useFinder } from '@/features/search/use-finder'
import { t } from '@/i18n'
import { page, type SearchRequest } from '@/ui/page'
import { StandingWords } from '@/ui/standing'
import { slotColour } from '@/ui/slot-colour'
import '@/features/search/search.css'

const WIDTH = 400
const HEIGHT = 420

export default function Search({ request }: { request: SearchRequest }) {
  const editor = useEditor()
  const finder = useFinder()
  const box = useRef<HTMLDivElement>(null)
  const [text, setText] = useState('')
  const [used] = useState(readUsage)
  const wire = useMemo(() => wireOf(request), [request])
  const found = useMemo(() => finder?.find(text, wire, used) ?? [], [finder, text, wire, used])

  useEffect(() => {
    const outside = (event: PointerEvent) => {
      if (!box.current?.contains(event.target as Node)) page.closeSearch()
    }
    window.addEventListener('pointerdown', outside, true)
    return () => window.removeEventListener('pointerdown', outside, true)
  }, [])

  const pick = (definition: NodeDefinition) => {
    page.closeSearch()
    addFound(editor, definition, request)
  }
  const leave = () => {
    page.closeSearch()
    editor.canvas.focus()
  }

  return (
    <div ref={box} className="floating search" role="dialog" aria-label={t('search.title')} style={place(request)}>
      <Command
        label={t('search.title')}
        shouldFilter={false}
        loop
        onKeyDown={(event) => {
          event.stopPropagation()
          if (event.key === 'Escape') leave()
        }}
      >
        <Command.Input
          autoFocus
          className="field"
          data-testid="search-field"
          placeholder={wire ? t('search.placeholderWire', { type: wire.type }) : t('search.placeholder')}
          value={text}
          onValueChange={setText}
        />
        <Command.List className="search-list" label={t('search.results')}>
          <Command.Empty className="empty">{finder ? t('search.none') : t('search.loading')}</Command.Empty>
          {found.map((definition) => (
            <Command.Item
              key={definition.classType}
              value={definition.classType}
              className="menu-item search-item"
              data-testid={`search-item-${definition.classType}`}
              onSelect={() => pick(definition)}
            >
              <span className="search-name">{definition.displayName}</span>
              <Outputs definition={definition} />
              <StandingWords definition={definition} />
              <span className="keys">{definition.category}</span>
            </Command.Item>
          ))}
        </Command.List>
      </Command>
    </div>
  )
}

function Outputs({ definition }: { definition: NodeDefinition }) {
  return (
    <span className="search-slots" aria-hidden="true">
      {definition.outputs.slice(0, 4).map((output) => (
        <i key={output.index} style={{ background: slotColour(output.type) }} title={output.type} />
      ))}
    </span>
  )
}

function wireOf(request: SearchRequest): WireEnd | null {
  const side = request.from ? parseHandle(request.from.node, request.from.handle)?.side : null
  return request.from && side ? { side, type: request.from.type } : null
}

function place({ x, y }: SearchRequest) {
  return {
    left: Math.max(8, Math.min(x - 24, window.innerWidth - WIDTH - 8)),
    top: Math.max(8, Math.min(y - 20, window.innerHeight - HEIGHT - 8)),
    width: WIDTH,
  }
}

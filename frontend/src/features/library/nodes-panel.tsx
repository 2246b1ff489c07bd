/** All node classes by category; a click puts one in the middle of the canvas, dragging puts it anywhere. */
import { ChevronRight } from 'lucide-react'
import { useMemo, useState } from 'react'
import { useCatalog } from '@/canvas/editor'
import { editorDefinitions } from '@/definitions/editor-nodes'
import type { NodeDefinition } from '@/definitions/types'
import { useApp } from '@/features/app'
import { NODE_DRAG } from '@/features/import/drag-types'
import { addFound } from '@/features/search/add-found'
import { useFinder } from '@/features/search/use-finder'
import { t } from '@/i18n'
import '@/features/library/library.css'

export default function NodesPanel() {
  const definitions = useCatalog()
  const finder = useFinder()
  const [text, setText] = useState('')
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set())
  const categories = useMemo(() => byCategory([...(definitions?.all() ?? []), ...editorDefinitions]), [definitions])
  const toggle = (name: string) =>
    setOpen((before) => {
      const after = new Set(before)
      if (!after.delete(name)) after.add(name)
      return after
    })
  return (
    <>
      <input
        className="field library-field"
        aria-label={t('library.filter')}
        placeholder={t('library.filter')}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      {text.trim() ? (
        <ul className="list">
          {finder?.find(text, null, {}, 100).map((definition) => (
            <Entry key={definition.classType} definition={definition} />
          ))}
        </ul>
      ) : (
        <ul className="list">
          {categories.map(([name, entries]) => (
            <li key={name}>
              <button
                type="button"
                className="library-category"
                aria-expanded={open.has(name)}
                onClick={() => toggle(name)}
              >
                <ChevronRight size={14} aria-hidden="true" />
                {name}
                <span className="keys">{entries.length}</span>
              </button>
              {open.has(name) ? (
                <ul className="list library-entries">
                  {entries.map((definition) => (
                    <Entry key={definition.classType} definition={definition} />
                  ))}
                </ul>
              ) : null}
            </li>
          ))}
        </ul>
      )}
    </>
  )
}

function Entry({ definition }: { definition: NodeDefinition }) {
  const app = useApp()
  const add = () => {
    const { x, y } = app.canvas.middle()
    addFound(app, definition, { x, y, from: null })
  }
  return (
    <li>
      <button
        type="button"
        className="menu-item"
        draggable
        title={definition.description || definition.classType}
        data-testid={`library-${definition.classType}`}
        onDragStart={(event) => event.dataTransfer.setData(NODE_DRAG, definition.classType)}
        onClick={add}
      >
        {definition.displayName}
      </button>
    </li>
  )
}

function byCategory(definitions: readonly NodeDefinition[]): [string, NodeDefinition[]][] {
  const groups = new Map<string, NodeDefinition[]>()
  for (const definition of definitions) {
    const name = definition.category || t('library.other')
    groups.set(name, [...(groups.get(name) ?? []), definition])
  }
  for (const entries of groups.values()) entries.sort((a, b) => a.displayName.localeCompare(b.displayName))
  return [...groups].sort(([a], [b]) => a.localeCompare(b))
}

/** All node classes by category; a click puts one in the middle of the canvas, dragging puts it anywhere. */
import { ChevronRight } from 'lucide-react'
import { useMemo, useState } from 'react'
import { useCatalog } from '@/canvas/editor'
import { editorDefinitions } from '@/definitions/editor-nodes'
import type { NodeDefinition } from '@/definitions/types'
import { useApp } from '@/features/app'
import { NODE_DRAG } from '@/features/import/drag-types'
import { categoryTree, type Category } from '@/features/library/category-tree'
import { addFound } from '@/features/search/add-found'
import { useFinder } from '@/features/search/use-finder'
import { t } from '@/i18n'
import { StandingWords } from '@/ui/standing'
import '@/features/library/library.css'

export default function NodesPanel() {
  const definitions = useCatalog()
  const finder = useFinder()
  const [text, setText] = useState('')
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set())
  const categories = useMemo(
    () => categoryTree([...(definitions?.all() ?? []), ...editorDefinitions], t('library.other')),
    [definitions],
  )
  const toggle = (path: string) =>
    setOpen((before) => {
      const after = new Set(before)
      if (!after.delete(path)) after.add(path)
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
        <Folders categories={categories} open={open} toggle={toggle} />
      )}
    </>
  )
}

interface FoldersProps {
  readonly categories: readonly Category[]
  readonly open: ReadonlySet<string>
  readonly toggle: (path: string) => void
}

function Folders({ categories, open, toggle }: FoldersProps) {
  return (
    <ul className="list">
      {categories.map(({ path, name, count, categories: inner, entries }) => (
        <li key={path}>
          <button
            type="button"
            className="library-category"
            aria-expanded={open.has(path)}
            data-testid={`category-${path}`}
            onClick={() => toggle(path)}
          >
            <ChevronRight size={14} aria-hidden="true" />
            {name}
            <span className="keys">{count}</span>
          </button>
          {open.has(path) ? (
            <div className="library-entries">
              <Folders categories={inner} open={open} toggle={toggle} />
              <ul className="list">
                {entries.map((definition) => (
                  <Entry key={definition.classType} definition={definition} />
                ))}
              </ul>
            </div>
          ) : null}
        </li>
      ))}
    </ul>
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
        <span className="library-name">{definition.displayName}</span>
        <StandingWords definition={definition} />
      </button>
    </li>
  )
}

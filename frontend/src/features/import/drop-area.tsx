/** Takes what is dropped on the canvas: pictures and workflow files, node classes, pictures of the gallery. */
import { useState, type DragEvent, type ReactNode } from 'react'
import { useApp } from '@/features/app'
import { FILE_DRAG, NODE_DRAG } from '@/features/import/drag-types'
import { t } from '@/i18n'

export function DropArea({ children }: { children: ReactNode }) {
  const app = useApp()
  const [over, setOver] = useState(false)
  const takes = (event: DragEvent) =>
    ['Files', NODE_DRAG, FILE_DRAG].some((type) => event.dataTransfer.types.includes(type))

  const drop = (event: DragEvent) => {
    setOver(false)
    if (event.defaultPrevented || !takes(event)) return
    event.preventDefault()
    const { dataTransfer, clientX: x, clientY: y } = event
    const given = {
      files: [...dataTransfer.files],
      classType: dataTransfer.getData(NODE_DRAG),
      picture: dataTransfer.getData(FILE_DRAG),
    }
    void import('@/features/import/take-dropped').then(({ takeDropped }) => takeDropped(app, given, { x, y }))
  }

  return (
    <div
      className="drop-area"
      onDragOver={(event) => {
        if (!takes(event)) return
        event.preventDefault()
        setOver(event.dataTransfer.types.includes('Files'))
      }}
      onDragLeave={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOver(false)
      }}
      onDrop={drop}
    >
      {children}
      {over ? <div className="drop-veil">{t('drop.here')}</div> : null}
    </div>
  )
}

/** Results as a grid; a click opens the lightbox, dragging takes a picture elsewhere. */
import { useStore } from 'zustand'
import { useApp } from '@/features/app'
import { FILE_DRAG } from '@/features/import/drag-types'
import { t } from '@/i18n'
import { page } from '@/ui/page'
import '@/features/feed/gallery.css'

export default function GalleryPanel() {
  const { feed, api } = useApp()
  const items = useStore(feed.store, (state) => state.items)
  if (items.length === 0) return <p className="empty">{t('gallery.empty')}</p>
  const pictures = items.map(({ file }) => ({ url: api.viewUrl(file), name: file.filename, title: file.filename }))
  return (
    <ul className="gallery" aria-label={t('panel.gallery')} data-testid="feed">
      {items.map((item, at) => (
        <li key={item.key}>
          <button
            type="button"
            className="gallery-item"
            aria-label={t('media.open', { name: item.file.filename })}
            data-testid={`feed-item-${at}`}
            onClick={() => page.openLightbox(pictures, at)}
          >
            <img
              src={api.viewUrl(item.file, { preview: 'webp;80' })}
              alt={t('media.result', { name: item.file.filename })}
              loading="lazy"
              decoding="async"
              draggable
              onDragStart={(event) => {
                event.dataTransfer.setData('text/uri-list', api.viewUrl(item.file))
                event.dataTransfer.setData(FILE_DRAG, JSON.stringify(item.file))
              }}
            />
          </button>
        </li>
      ))}
    </ul>
  )
}

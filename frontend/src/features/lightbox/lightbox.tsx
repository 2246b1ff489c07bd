/** One picture large: arrow keys leaf through, D downloads, C copies, Escape closes. */
import { ChevronLeft, ChevronRight, Copy, Download, X } from 'lucide-react'
import { Dialog } from 'radix-ui'
import { useState } from 'react'
import { toast } from 'sonner'
import { t } from '@/i18n'
import { IconButton } from '@/ui/icon-button'
import { page, usePage, type Picture } from '@/ui/page'
import '@/features/lightbox/lightbox.css'

export default function Lightbox() {
  const lightbox = usePage((state) => state.lightbox)
  if (!lightbox) return null
  const picture = lightbox.pictures[lightbox.at]
  return picture ? <Opened picture={picture} pictures={lightbox.pictures} at={lightbox.at} /> : null
}

function Opened({ picture, pictures, at }: { picture: Picture; pictures: readonly Picture[]; at: number }) {
  const [size, setSize] = useState('')
  const go = (step: number) => {
    const next = at + step
    if (next >= 0 && next < pictures.length) page.openLightbox(pictures, next)
  }
  return (
    <Dialog.Root open onOpenChange={(open) => !open && page.closeLightbox()}>
      <Dialog.Portal>
        <Dialog.Overlay className="lightbox-veil" />
        <Dialog.Content
          className="lightbox"
          data-testid="lightbox"
          aria-describedby=""
          onOpenAutoFocus={(event) => {
            // On the picture, not on a button: its tooltip would take the first Escape.
            event.preventDefault()
            ;(event.currentTarget as HTMLElement).focus()
          }}
          onKeyDown={(event) => {
            if (event.key === 'ArrowLeft') go(-1)
            else if (event.key === 'ArrowRight') go(1)
            else if (event.key === 'd') download(picture)
            else if (event.key === 'c' && !event.ctrlKey && !event.metaKey) void copy(picture)
          }}
        >
          <header>
            <Dialog.Title asChild>
              <h2>{picture.title}</h2>
            </Dialog.Title>
            <span className="sub">
              {size} {pictures.length > 1 ? t('lightbox.of', { at: at + 1, all: pictures.length }) : ''}
            </span>
            <span className="spring" />
            <IconButton label={t('lightbox.copy')} keys="C" onClick={() => void copy(picture)}>
              <Copy size={16} />
            </IconButton>
            <IconButton
              label={t('lightbox.download')}
              keys="D"
              onClick={() => download(picture)}
              data-testid="download"
            >
              <Download size={16} />
            </IconButton>
            <IconButton label={t('lightbox.close')} keys="Esc" onClick={() => page.closeLightbox()}>
              <X size={16} />
            </IconButton>
          </header>
          <div
            className="lightbox-stage"
            onClick={(event) => event.target === event.currentTarget && page.closeLightbox()}
          >
            <img
              src={picture.url}
              alt={picture.title}
              data-testid="lightbox-image"
              onLoad={(event) => {
                const { naturalWidth, naturalHeight } = event.currentTarget
                setSize(`${naturalWidth} × ${naturalHeight}`)
              }}
            />
            {at > 0 ? (
              <IconButton
                className="lightbox-step"
                data-side="left"
                label={t('lightbox.previous')}
                onClick={() => go(-1)}
              >
                <ChevronLeft size={22} />
              </IconButton>
            ) : null}
            {at < pictures.length - 1 ? (
              <IconButton className="lightbox-step" data-side="right" label={t('lightbox.next')} onClick={() => go(1)}>
                <ChevronRight size={22} />
              </IconButton>
            ) : null}
          </div>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}

function download(picture: Picture): void {
  const link = document.createElement('a')
  link.href = picture.url
  link.download = picture.name
  link.click()
}

async function copy(picture: Picture): Promise<void> {
  try {
    const blob = await (await fetch(picture.url)).blob()
    await navigator.clipboard.write([new ClipboardItem({ [blob.type]: blob })])
    toast(t('lightbox.copied'))
  } catch {
    toast(t('lightbox.copyRefused'))
  }
}

/** Pictures and texts of a node: live preview, results, or the file that is chosen in it. */
import { ImagePlus } from 'lucide-react'
import { useState, type DragEvent } from 'react'
import { array, filesOf, type FileRef } from '@/api/wire'
import type { NodeRun } from '@/api/node-run'
import { useEditor, useNodeRun, useWidget } from '@/canvas/editor'
import type { NodeDefinition } from '@/definitions/types'
import { t } from '@/i18n'
import { page } from '@/ui/page'

/** What the class shows in its own area; see {@link NodeDrawer} for classes without one. */
export function NodeMedia({ id, definition, y, height }: MediaProps) {
  const run = useNodeRun(id)
  const upload = definition.widgets.find((widget) => widget.spec.kind === 'upload')
  return (
    <div className="node-media" style={{ top: y, height }}>
      {upload ? <ChosenPicture id={id} input={upload.input} /> : <Results id={id} run={run} />}
    </div>
  )
}

interface MediaProps {
  readonly id: string
  readonly definition: NodeDefinition
  readonly y: number
  readonly height: number
}

function Results({ id, run }: { id: string; run: NodeRun }) {
  const files = filesOf(run.output ?? undefined)
  const texts = textsOf(run)
  if (run.preview && files.length === 0) return <Preview id={id} url={run.preview} />
  if (files.length > 0) return <Pictures id={id} files={files} animated={isAnimated(run)} />
  if (texts.length > 0) return <pre className="node-text nodrag nowheel">{texts.join('\n')}</pre>
  return <div className="no-picture">{t('media.none')}</div>
}

/** Texts that a node reported at its end or while it ran. */
function textsOf(run: NodeRun): string[] {
  const reported = array(run.output?.['text']).map((part) => (typeof part === 'string' ? part : JSON.stringify(part)))
  return reported.length === 0 && run.text !== null ? [run.text] : reported
}

function Preview({ id, url }: { id: string; url: string }) {
  return <img src={url} alt={t('media.preview')} data-testid={`preview-${id}`} draggable={false} />
}

const isAnimated = (run: NodeRun): boolean => array(run.output?.['animated']).includes(true)

/** Formats that hold one still picture, as far as their name tells. */
const STILL = /\.(png|jpe?g|bmp|tiff?)$/i

interface NodePictureProps {
  readonly file: FileRef
  readonly alt: string
  readonly testId: string
  readonly animated?: boolean
  readonly onSize?: (size: string) => void
  readonly onError?: () => void
}

/** A picture in its own size but fewer bytes; animations, and what the server cannot make smaller, as they are. */
function NodePicture({ file, alt, testId, animated = false, onSize, onError }: NodePictureProps) {
  const { api } = useEditor()
  const original = api.viewUrl(file)
  const [refused, setRefused] = useState<string | null>(null)
  const light = !animated && STILL.test(file.filename) && refused !== original
  return (
    <img
      src={light ? api.viewUrl(file, { preview: 'webp;80' }) : original}
      alt={alt}
      loading="lazy"
      decoding="async"
      data-testid={testId}
      onLoad={({ currentTarget: { naturalWidth, naturalHeight } }) => onSize?.(`${naturalWidth} × ${naturalHeight}`)}
      onError={() => (light ? setRefused(original) : onError?.())}
    />
  )
}

interface PicturesProps {
  readonly id: string
  readonly files: readonly FileRef[]
  readonly animated: boolean
}

function Pictures({ id, files, animated }: PicturesProps) {
  const editor = useEditor()
  const [size, setSize] = useState('')
  const columns = Math.ceil(Math.sqrt(files.length))
  const pictures = files.map((file) => ({ url: editor.api.viewUrl(file), name: file.filename, title: file.filename }))
  return (
    <>
      <div className="pictures" style={{ gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))` }}>
        {files.map((file, index) => (
          <button
            key={`${file.subfolder}/${file.filename}`}
            type="button"
            className="picture nodrag nopan"
            aria-label={t('media.open', { name: file.filename })}
            data-testid={`picture-${id}-${index}`}
            onClick={() => page.openLightbox(pictures, index)}
          >
            <NodePicture
              file={file}
              alt={t('media.result', { name: file.filename })}
              testId={`image-${id}-${index}`}
              animated={animated}
              onSize={setSize}
            />
          </button>
        ))}
      </div>
      <div className="picture-size">{size}</div>
    </>
  )
}

function ChosenPicture({ id, input }: { id: string; input: string }) {
  const editor = useEditor()
  const value = useWidget(id, input)
  const [failed, setFailed] = useState<string | null>(null)
  const [over, setOver] = useState(false)
  const name = typeof value === 'string' ? value : ''
  const drop = {
    onDragOver: (event: DragEvent) => {
      event.preventDefault()
      event.stopPropagation()
      setOver(true)
    },
    onDragLeave: () => setOver(false),
    onDrop: (event: DragEvent) => {
      const file = event.dataTransfer.files[0]
      event.preventDefault()
      event.stopPropagation()
      setOver(false)
      if (file) void editor.uploadInto(id, input, file)
    },
  }
  if (!name || failed === name || over) {
    return (
      <div className="no-picture" data-drop={over ? '' : undefined} data-testid={`drop-${id}`} {...drop}>
        <span>
          <ImagePlus size={18} aria-hidden="true" />
          {t('media.dropHere')}
        </span>
      </div>
    )
  }
  const file = fileOf(name)
  return (
    <div className="pictures" data-testid={`drop-${id}`} {...drop}>
      <button
        type="button"
        className="picture nodrag nopan"
        aria-label={t('media.open', { name })}
        onClick={() => page.openLightbox([{ url: editor.api.viewUrl(file), name: file.filename, title: name }], 0)}
      >
        <NodePicture
          file={file}
          alt={t('media.input', { name })}
          testId={`image-${id}-0`}
          onError={() => setFailed(name)}
        />
      </button>
    </div>
  )
}

/** `folder/name.png [output]` is the way a combo names a file outside the input folder. */
export function fileOf(name: string): FileRef {
  const found = /^(.*?)(?: \[(input|output|temp)\])?$/.exec(name)
  const path = found?.[1] ?? name
  const cut = path.lastIndexOf('/')
  return {
    filename: path.slice(cut + 1),
    subfolder: cut < 0 ? '' : path.slice(0, cut),
    type: (found?.[2] ?? 'input') as FileRef['type'],
  }
}

/** Hangs under a node whose class has no picture area: previews while it runs, pictures and texts it reports. */
export function NodeDrawer({ id }: { id: string }) {
  const run = useNodeRun(id)
  const files = filesOf(run.output ?? undefined)
  const texts = textsOf(run)
  if (!run.preview && files.length === 0 && texts.length === 0) return null
  return (
    <div className="drawer">
      {run.preview ? (
        <Preview id={id} url={run.preview} />
      ) : files.length > 0 ? (
        <Pictures id={id} files={files} animated={isAnimated(run)} />
      ) : (
        <pre className="node-text nodrag nowheel">{texts.join('\n')}</pre>
      )}
    </div>
  )
}

/** A widget's row on a node; it alone re-renders when its value changes. */
import { memo, useCallback, type DragEvent } from 'react'
import { useEditor, useRefusals, useWidget } from '@/canvas/editor'
import { sentenceOf } from '@/canvas/node/refusal'
import { CAPTURES } from '@/definitions/captures'
import type { WidgetRow, WidgetSpec } from '@/definitions/types'
import type { Json } from '@/graph/model'
import { t } from '@/i18n'
import { WidgetControl } from '@/widgets/widget-control'

const isCapture = (spec: WidgetSpec): boolean => spec.kind === 'other' && CAPTURES.has(spec.type)

export interface BoundRowProps {
  readonly node: string
  readonly row: WidgetRow
  readonly linked: boolean
}

export const BoundRow = memo(function BoundRow({ node, row, linked }: BoundRowProps) {
  const editor = useEditor()
  const { widget } = row
  const value = useWidget(node, widget.name)
  const refused = useRefusals(node).find((entry) => entry.input === widget.input && widget.sent)
  const error = refused ? sentenceOf(refused) : null
  const change = useCallback(
    (next: Json) => editor.document.setWidget(node, widget.name, next),
    [editor, node, widget.name],
  )
  const upload = useCallback((file: File) => void editor.uploadInto(node, widget.input, file), [editor, node, widget])
  const endStep = () => editor.document.endStep()
  const takesFiles = widget.spec.kind === 'upload'
  const wide = (widget.spec.kind === 'text' && widget.spec.multiline) || takesFiles || isCapture(widget.spec)
  const drop = (event: DragEvent) => {
    const file = event.dataTransfer.files[0]
    if (!takesFiles || !file) return
    event.preventDefault()
    event.stopPropagation()
    upload(file)
  }
  return (
    <div
      className="row"
      style={{ top: row.y, height: row.height }}
      data-wide={wide ? '' : undefined}
      data-captioned={row.captioned ? '' : undefined}
      title={error ?? widget.tooltip ?? widget.label}
      onBlur={endStep}
      onPointerUp={endStep}
      onDrop={drop}
      onDragOver={takesFiles ? (event) => event.preventDefault() : undefined}
    >
      <span className="row-label">{widget.label}</span>
      <WidgetControl
        widget={widget}
        value={value ?? null}
        label={takesFiles ? t('upload.label', { name: widget.label }) : widget.label}
        testId={`widget-${node}-${widget.name}`}
        linked={linked}
        error={error}
        captioned={row.captioned}
        onChange={change}
        onFile={upload}
      />
    </div>
  )
})

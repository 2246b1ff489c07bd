/** Sentences about what is wrong with a node, under it; the inputs they are about are outlined. */
import { useEffect } from 'react'
import type { NodeError } from '@/api/wire'
import { useEditor, useNodeRun, useRefusals } from '@/canvas/editor'
import { sentenceOf } from '@/canvas/node/refusal'
import type { NodeDefinition } from '@/definitions/types'
import { t } from '@/i18n'
import { page } from '@/ui/page'

export function NodeProblems({ id, definition }: { id: string; definition: NodeDefinition }) {
  const refusals = useRefusals(id)
  const { error } = useNodeRun(id)
  const { run } = useEditor()
  useForgetOnChange(id, refusals)
  if (refusals.length === 0 && !error) return null
  const label = (name: string) => definition.inputs.find((input) => input.name === name)?.label ?? name
  return (
    <div className="node-problems nodrag nopan" role="alert">
      {refusals.map((refusal) => (
        <p key={`${refusal.type} ${refusal.input ?? ''}`} data-testid={`error-${id}-${refusal.input ?? 'node'}`}>
          {refusal.input ? <strong>{label(refusal.input)}: </strong> : null}
          {sentenceOf(refusal)}
        </p>
      ))}
      {error ? (
        <p data-testid={`error-${id}-node`}>
          {error.message}{' '}
          <button type="button" onClick={() => page.setErrors(true)} data-testid={`traceback-${id}`}>
            {t('errors.details')}
          </button>{' '}
          <button type="button" onClick={() => run.dispatch({ type: 'forget_errors', node: id })}>
            {t('errors.dismiss')}
          </button>
        </p>
      ) : null}
    </div>
  )
}

/** A refused input that somebody changes or connects is not wrong any more, as far as we know. */
function useForgetOnChange(id: string, refusals: readonly NodeError[]): void {
  const { document, run } = useEditor()
  useEffect(() => {
    if (refusals.length === 0) return
    const forget = () => run.dispatch({ type: 'forget_errors', node: id })
    const inputs = refusals.flatMap((refusal) => refusal.input ?? [])
    const stops = [
      document.subscribeNode(id, forget),
      ...inputs.map((name) => document.subscribeWidget(id, name, forget)),
    ]
    return () => stops.forEach((stop) => stop())
  }, [document, run, id, refusals])
}

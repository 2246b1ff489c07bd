/** Sentences about what is wrong with a node, under it; the inputs they are about are outlined. */
import { useEditor, useNodeRun, useRefusals } from '@/canvas/editor'
import { sentenceOf } from '@/canvas/node/refusal'
import type { NodeDefinition } from '@/definitions/types'
import { t } from '@/i18n'
import { page } from '@/ui/page'

export function NodeProblems({ id, definition }: { id: string; definition: NodeDefinition }) {
  const refusals = useRefusals(id)
  const { error } = useNodeRun(id)
  const { run } = useEditor()
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
          <button type="button" onClick={() => run.dispatch({ type: 'dismiss_error' })}>
            {t('errors.dismiss')}
          </button>
        </p>
      ) : null}
    </div>
  )
}

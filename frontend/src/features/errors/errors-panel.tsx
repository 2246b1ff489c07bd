/** What went wrong, at the foot of the canvas: the sentence, the node, the traceback. */
import { Copy, LocateFixed, X } from 'lucide-react'
import { toast } from 'sonner'
import type { RunError } from '@/api/node-run'
import type { NodeErrors } from '@/api/wire'
import { sentenceOf } from '@/canvas/node/refusal'
import { useRun } from '@/canvas/editor'
import { useApp, type App } from '@/features/app'
import { t } from '@/i18n'
import { IconButton } from '@/ui/icon-button'
import { page } from '@/ui/page'
import '@/features/errors/errors.css'

export default function ErrorsPanel() {
  const app = useApp()
  const error = useRun((state) => state.lastError)
  const refused = useRun((state) => state.nodeErrors)
  const nothing = !error && Object.values(refused).every((list) => list.length === 0)
  return (
    <section className="errors floating" aria-label={t('errors.title')} data-testid="errors">
      <header>
        <h2>{t('errors.title')}</h2>
        <IconButton label={t('panel.close')} onClick={() => page.setErrors(false)}>
          <X size={16} />
        </IconButton>
      </header>
      {nothing ? <p className="empty">{t('errors.none')}</p> : null}
      {error ? <Failure app={app} error={error} /> : null}
      <Refusals app={app} refused={refused} />
    </section>
  )
}

function Failure({ app, error }: { app: App; error: RunError }) {
  const trace = error.traceback.join('').trimEnd()
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(`${error.type}: ${error.message}\n${trace}`)
      toast(t('errors.copied'))
    } catch {
      toast(t('errors.copyRefused'))
    }
  }
  return (
    <article>
      <p className="errors-line">
        <strong>{error.node === null ? error.nodeType : titleOf(app, error.node)}</strong> {error.message}
        <span className="spring" />
        {error.node === null ? null : <Locate app={app} node={error.node} />}
        <IconButton small label={t('errors.copy')} onClick={() => void copy()}>
          <Copy size={14} />
        </IconButton>
      </p>
      {trace ? (
        <pre className="traceback" data-testid="traceback" tabIndex={0}>
          {error.type ? `${error.type}\n` : ''}
          {trace}
        </pre>
      ) : null}
    </article>
  )
}

function Refusals({ app, refused }: { app: App; refused: NodeErrors }) {
  return Object.entries(refused).flatMap(([node, list]) =>
    list.map((refusal) => (
      <p key={`${node} ${refusal.type} ${refusal.input ?? ''}`} className="errors-line">
        <strong>
          {titleOf(app, node)}
          {refusal.input ? `, ${refusal.input}` : ''}
        </strong>{' '}
        {sentenceOf(refusal)}
        <span className="spring" />
        <Locate app={app} node={node} />
      </p>
    )),
  )
}

function Locate({ app, node }: { app: App; node: string }) {
  const show = () => {
    app.canvas.select([node])
    app.canvas.fit([node])
  }
  return (
    <IconButton small label={t('errors.locate')} onClick={show}>
      <LocateFixed size={14} />
    </IconButton>
  )
}

function titleOf(app: App, node: string): string {
  const view = app.document.getNode(node)
  return view ? (view.title ?? app.document.definitionOf(node)?.displayName ?? view.classType) : node
}

/** Sends the graph to be run: compiles it, queues it as often as asked, and moves seeds on. */
import { toast } from 'sonner'
import { createStore, type StoreApi } from 'zustand/vanilla'
import { version } from '../../../package.json'
import { PromptRefused } from '@/api/client'
import { applyControls, planRun, type RunPlan } from '@/document/run'
import type { App } from '@/features/app'
import { stringifyLossless } from '@/formats/lossless-json'
import { t } from '@/i18n'
import { ask, page } from '@/ui/page'

const MOST = 99

type Ready = Extract<RunPlan, { ok: true }>

export class Runner {
  readonly store: StoreApi<{ readonly batch: number }> = createStore(() => ({ batch: 1 }))
  /** Presses of Run are worked off one after the other, so that each gets its own seed. */
  #last: Promise<void> = Promise.resolve()

  /** How many runs one press of Run queues. */
  setBatch(count: number): void {
    this.store.setState({ batch: Math.min(MOST, Math.max(1, Math.round(count) || 1)) })
  }

  /** Queues the document of a tab, as often as chosen. */
  queue(app: App, options: { front?: boolean } = {}): Promise<void> {
    this.#last = this.#last
      .then(() => this.#queueAll(app, options.front === true))
      .catch((error: unknown) => tell(app, error))
    return this.#last
  }

  async #queueAll(app: App, front: boolean): Promise<void> {
    const { document, file } = app
    let withoutUnknown = false
    for (let left = this.store.getState().batch; left > 0; left--) {
      const ready = await makeReady(app, withoutUnknown)
      if (!ready) return
      withoutUnknown = ready.withoutUnknown
      await send(app, ready.plan, front)
      file.quietly(() => applyControls(document))
    }
  }
}

/** The prompt that a press of Run would send now, as text; `null` when nothing can be sent, which was told. */
export async function promptText(app: App): Promise<string | null> {
  const ready = await makeReady(app, false)
  return ready && stringifyLossless(ready.plan.prompt)
}

/** Compiles the document; asks about classes that the server does not know, unless that was answered before. */
async function makeReady(app: App, withoutUnknown: boolean): Promise<{ plan: Ready; withoutUnknown: boolean } | null> {
  const plan = planRun(app.document, version, { withoutUnknown })
  if (plan.ok) return { plan, withoutUnknown }
  if (!(await mayLeaveOut(app, plan))) return null
  const without = planRun(app.document, version, { withoutUnknown: true })
  return without.ok ? { plan: without, withoutUnknown: true } : null
}

async function send(app: App, { prompt, workflow }: Ready, front: boolean): Promise<void> {
  const accepted = await app.run.queuePrompt({ prompt, workflow, front })
  if (Object.keys(accepted.nodeErrors).length > 0) toast(t('run.partly'), { action: showErrors(app) })
}

/** Asks whether to run without the classes that the server does not know; other obstacles are told. */
async function mayLeaveOut({ canvas }: App, { blockers }: Extract<RunPlan, { ok: false }>): Promise<boolean> {
  const other = blockers.find((blocker) => blocker.code !== 'unknown-class')
  if (other) {
    toast.error(other.message)
    canvas.select([other.node])
    return false
  }
  const classes = [...new Set(blockers.map((blocker) => blocker.classType))].join(', ')
  return ask({
    title: t('run.unknownTitle', { n: blockers.length }),
    text: t('run.unknownText', { names: classes }),
    confirm: t('run.unknownConfirm'),
  })
}

function showErrors({ tabs, id }: App) {
  return {
    label: t('errors.details'),
    onClick: () => void tabs.show(id).then(() => page.setErrors(true)),
  }
}

function tell(app: App, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error)
  toast.error(message, error instanceof PromptRefused ? { action: showErrors(app) } : {})
}

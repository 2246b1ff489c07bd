/** Sends the graph to be run: compiles it, queues it as often as asked, and moves seeds on. */
import { toast } from 'sonner'
import { createStore, type StoreApi } from 'zustand/vanilla'
import { version } from '../../../package.json'
import { PromptRefused } from '@/api/client'
import type { RunSession } from '@/api/run-session'
import type { CanvasView } from '@/canvas/canvas-view'
import type { EditorDocument } from '@/document/editor-document'
import { applyControls, planRun, type RunPlan } from '@/document/run'
import type { WorkflowFiles } from '@/features/workflows/files'
import { t } from '@/i18n'
import { ask, page } from '@/ui/page'

const MOST = 99

export interface RunnerParts {
  readonly document: EditorDocument
  readonly canvas: CanvasView
  readonly run: RunSession
  readonly files: WorkflowFiles
}

type Ready = Extract<RunPlan, { ok: true }>

export class Runner {
  readonly store: StoreApi<{ readonly batch: number }> = createStore(() => ({ batch: 1 }))
  readonly #parts: RunnerParts
  /** Presses of Run are worked off one after the other, so that each gets its own seed. */
  #last: Promise<void> = Promise.resolve()

  constructor(parts: RunnerParts) {
    this.#parts = parts
  }

  /** How many runs one press of Run queues. */
  setBatch(count: number): void {
    this.store.setState({ batch: Math.min(MOST, Math.max(1, Math.round(count) || 1)) })
  }

  queue(options: { front?: boolean } = {}): Promise<void> {
    this.#last = this.#last.then(() => this.#queueAll(options.front === true)).catch(tell)
    return this.#last
  }

  async #queueAll(front: boolean): Promise<void> {
    const { document, files } = this.#parts
    let withoutUnknown = false
    for (let left = this.store.getState().batch; left > 0; left--) {
      const plan = planRun(document, version, { withoutUnknown })
      if (!plan.ok && !(await this.#mayLeaveOut(plan))) return
      withoutUnknown ||= !plan.ok
      const ready = plan.ok ? plan : planRun(document, version, { withoutUnknown })
      if (!ready.ok) return
      await this.#send(ready, front)
      files.quietly(() => applyControls(document))
    }
  }

  async #send({ prompt, workflow }: Ready, front: boolean): Promise<void> {
    const accepted = await this.#parts.run.queuePrompt({ prompt, workflow, front })
    if (Object.keys(accepted.nodeErrors).length > 0) toast(t('run.partly'), { action: showErrors() })
  }

  /** Asks whether to run without the classes that the server does not know; other obstacles are told. */
  async #mayLeaveOut(plan: Extract<RunPlan, { ok: false }>): Promise<boolean> {
    const { blockers } = plan
    const other = blockers.find((blocker) => blocker.code !== 'unknown-class')
    if (other) {
      toast.error(other.message)
      this.#parts.canvas.select([other.node])
      return false
    }
    const classes = [...new Set(blockers.map((blocker) => blocker.classType))].join(', ')
    return ask({
      title: t('run.unknownTitle', { n: blockers.length }),
      text: t('run.unknownText', { names: classes }),
      confirm: t('run.unknownConfirm'),
    })
  }
}

function showErrors() {
  return { label: t('errors.details'), onClick: () => page.setErrors(true) }
}

function tell(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error)
  toast.error(message, error instanceof PromptRefused ? { action: showErrors() } : {})
}

/** Builds the page's one editor: document, canvas, server, files, runs, commands. */
import { toast } from 'sonner'
import { createStore } from 'zustand/vanilla'
import { commandsOf } from '@/app/commands'
import { followTitle } from '@/app/window-title'
import { followContext } from '@/app/when'
import { ApiClient } from '@/api/client'
import { RunSession } from '@/api/run-session'
import { CanvasView } from '@/canvas/canvas-view'
import { detectPlatform } from '@/commands/keys'
import { listenForKeys } from '@/commands/keymap'
import { CommandRegistry } from '@/commands/registry'
import { readObjectInfo, type Definitions } from '@/definitions/object-info'
import type { Draft } from '@/document/drafts'
import type { EditorDocument } from '@/document/editor-document'
import type { App } from '@/features/app'
import { listenForClipboard } from '@/features/clipboard/clipboard'
import { Feed } from '@/features/feed/feed'
import { Runner } from '@/features/run/runner'
import { WorkflowFiles } from '@/features/workflows/files'
import { t } from '@/i18n'
import { fetchParts } from '@/ui/later'

const FIRST_TEMPLATE = 'txt2img'
const RETRY_MS = 1000

export class EditorApp implements App {
  readonly document: EditorDocument
  readonly #draft: Draft
  readonly canvas = new CanvasView()
  readonly api = new ApiClient()
  readonly run = new RunSession(this.api)
  readonly catalog = createStore<{ definitions: Definitions | null }>(() => ({ definitions: null }))
  readonly commands = new CommandRegistry(detectPlatform())
  readonly files: WorkflowFiles
  readonly feed = new Feed(this.api, this.run)
  readonly runner: Runner

  /** `draft`: what the page keeps on disk while it is edited. */
  constructor(draft: Draft) {
    this.#draft = draft
    this.document = draft.document
    this.files = new WorkflowFiles(this)
    this.runner = new Runner(this)
    this.commands.add(...commandsOf(this))
  }

  /** Listens to the page's keys and the server, and opens what was open last. */
  async start(): Promise<void> {
    followContext(this)
    followTitle(this)
    listenForKeys(this.commands)
    listenForClipboard(this)
    this.run.start()
    await this.#firstDefinitions()
    await this.#openFirst()
    void this.feed.load().catch(() => undefined)
    void fetchParts()
  }

  /** Asks the server for its node classes again. */
  async refreshDefinitions(): Promise<void> {
    const definitions = readObjectInfo(await this.api.objectInfo())
    this.document.setDefinitions(definitions)
    this.catalog.setState({ definitions })
  }

  async uploadInto(node: string, input: string, file: File): Promise<void> {
    try {
      const stored = await this.api.uploadImage(file)
      await this.refreshDefinitions()
      const name = stored.subfolder ? `${stored.subfolder}/${stored.filename}` : stored.filename
      this.document.setWidget(node, input, name)
    } catch (error) {
      toast.error(error instanceof Error ? error.message : String(error))
    }
  }

  /** The page may be there before the server is: it asks until it gets an answer. */
  async #firstDefinitions(): Promise<void> {
    for (;;) {
      try {
        return await this.refreshDefinitions()
      } catch {
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      }
    }
  }

  /** What was open before the reload or crash, else the first template. */
  async #openFirst(): Promise<void> {
    if (this.#draft.restored) {
      const { path, name, dirty } = this.#draft.info()
      this.files.restore({ path, title: name || t('workflows.untitled'), dirty })
      this.canvas.showSoon(this.document.getViewport())
    } else {
      await this.files.loadTemplate(FIRST_TEMPLATE, t('workflows.first')).catch((error: unknown) => {
        toast.error(error instanceof Error ? error.message : String(error))
      })
    }
    this.files.store.subscribe(() => this.#rememberFile())
    this.#rememberFile()
  }

  #rememberFile(): void {
    const { path, title, dirty } = this.files.state
    const known = this.#draft.info()
    if (known.path !== path || known.name !== title || known.dirty !== dirty)
      this.#draft.update({ path, name: title, dirty })
  }
}

/** What the page can do, by command id; keys come from the table of default keys. */
import { bindingOf, type BoundCommandId } from '@/commands/default-keys'
import type { Command } from '@/commands/registry'
import { toast } from 'sonner'
import { copySelection, cutSelection, pasteFromMenu } from '@/features/clipboard/clipboard'
import type { Direction } from '@/canvas/neighbour'
import type { App, Shared } from '@/features/app'
import { promptText } from '@/features/run/runner'
import { tellError } from '@/features/tell-error'
import { nameOf } from '@/graph/connect'
import { NodeMode, type NodeId } from '@/graph/model'
import { t, type Words } from '@/i18n'
import { announce } from '@/ui/announce'
import { page } from '@/ui/page'
import { useTheme } from '@/ui/theme'

/** All commands of the page. Those about a document are about the one that is shown when they run. */
export function commandsOf(shared: Shared): Command[] {
  return [
    ...runCommands(shared),
    ...fileCommands(shared),
    ...tabCommands(shared),
    ...editCommands(shared),
    ...nodeCommands(shared),
    ...viewCommands(shared),
  ]
}

type Run = (app: App) => unknown

/** Makes the commands of one group. */
function groupOf({ tabs }: Shared, group: Words) {
  const command = (id: string, run: Run, bound?: Partial<Command>): Command => ({
    id,
    title: t(`command.${id}` as Words),
    group: t(group),
    run: async () => {
      try {
        await run(tabs.current)
      } catch (error) {
        tellError(error)
      }
    },
    ...bound,
  })
  /** A command that has default keys. */
  const keyed = (id: BoundCommandId, run: Run, change?: Partial<Command>): Command =>
    command(id, run, { ...bindingOf(id), ...change })
  return { command, keyed }
}

function runCommands(shared: Shared): Command[] {
  const { command, keyed } = groupOf(shared, 'group.run')
  return [
    keyed('run.queue', (app) => app.runner.queue(app)),
    keyed('run.queueFront', (app) => app.runner.queue(app, { front: true })),
    keyed('run.interrupt', ({ api }) => api.interrupt()),
    command('run.clear', ({ api }) => api.clearQueue()),
  ]
}

function fileCommands(shared: Shared): Command[] {
  const { command, keyed } = groupOf(shared, 'group.file')
  return [
    keyed('workflow.new', ({ tabs }) => tabs.new()),
    keyed('workflow.save', ({ file }) => file.save()),
    keyed('workflow.saveAs', ({ file }) => file.saveAs()),
    keyed('workflow.open', () => page.togglePanel('workflows')),
    command('workflow.export', ({ file }) => download(file.text(), file.downloadName)),
    command('workflow.exportPrompt', async (app) => {
      const text = await promptText(app)
      if (text !== null) download(text, app.file.promptName)
    }),
  ]
}

function tabCommands(shared: Shared): Command[] {
  const { command, keyed } = groupOf(shared, 'group.tabs')
  return [
    keyed('tab.next', ({ tabs }) => tabs.step(1)),
    keyed('tab.previous', ({ tabs }) => tabs.step(-1)),
    keyed('tab.close', ({ tabs }) => tabs.close()),
    command('tab.reopen', ({ tabs }) => tabs.reopen()),
  ]
}

function editCommands(shared: Shared): Command[] {
  const { keyed } = groupOf(shared, 'group.edit')
  return [
    keyed('graph.undo', ({ document }) => document.undo()),
    keyed('graph.redo', ({ document }) => document.redo()),
    keyed('graph.copy', copySelection),
    keyed('graph.cut', cutSelection),
    keyed('graph.paste', (app) => pasteFromMenu(app, false)),
    keyed('graph.pasteWithLinks', (app) => pasteFromMenu(app, true)),
    keyed('graph.duplicate', ({ document, canvas }) => canvas.select(document.duplicate(canvas.selectedNodes()))),
    keyed('graph.delete', deleteSelection, { when: ['canvas', 'selectionOrLink'] }),
    keyed('graph.selectAll', ({ canvas }) => canvas.selectAll()),
    keyed('graph.clearSelection', ({ canvas }) => canvas.select([])),
    keyed('graph.refresh', async (app) => {
      await app.refreshDefinitions()
      toast(t('refresh.done'))
    }),
  ]
}

function nodeCommands(shared: Shared): Command[] {
  const { command, keyed } = groupOf(shared, 'group.node')
  const search: Run = ({ canvas }) => page.openSearch({ ...canvas.aim(), from: null })
  return [
    // A tap on Space is handled where Space-drag is: the canvas knows which of the two it was.
    keyed('node.search', search, { keys: ['Shift+A'] }),
    command('node.searchTab', search, { keys: ['Tab'], when: ['canvas', 'pane'] }),
    keyed('node.mute', (app) => toggleMode(app, NodeMode.mute)),
    keyed('node.bypass', (app) => toggleMode(app, NodeMode.bypass)),
    keyed('node.collapse', ({ document, canvas }) => {
      const ids = canvas.selectedNodes()
      document.setCollapsed(ids, !ids.every((id) => document.getNode(id)?.collapsed))
    }),
    keyed('node.pin', ({ document, canvas }) => {
      const ids = canvas.selectedNodes()
      document.setPinned(ids, !ids.every((id) => document.getNode(id)?.pinned))
    }),
    keyed('node.rename', ({ canvas }) => canvas.rename(canvas.selectedNodes()[0] ?? null)),
    keyed('node.links', ({ canvas }) => page.openLinks(canvas.selectedNodes()[0] ?? '')),
    ...goes(shared),
    ...nudges(shared),
  ]
}

/** Moving through the graph by keys; told to screen readers, since no element takes the focus. */
function goes(shared: Shared): Command[] {
  const { keyed } = groupOf(shared, 'group.node')
  const go = (direction: Direction) => (app: App) => {
    const next = app.canvas.selectNext(direction)
    announce(next ? describe(app, next.id) : t('node.noneThere'))
  }
  return [
    keyed('node.goLeft', go('left')),
    keyed('node.goRight', go('right')),
    keyed('node.goUp', go('up')),
    keyed('node.goDown', go('down')),
  ]
}

function describe({ document }: App, id: NodeId): string {
  const inputs = document.definitionOf(id)?.inputs.filter((input) => input.kind === 'socket') ?? []
  const free = inputs.filter((input) => !document.linkInto(id, input.name)).map((input) => input.label)
  const name = nameOf(document, id)
  return free.length === 0 ? t('node.selected', { name }) : t('node.selectedFree', { name, free: free.join(', ') })
}

function nudges(shared: Shared): Command[] {
  const { command } = groupOf(shared, 'group.node')
  const steps = [
    ['Left', -1, 0],
    ['Right', 1, 0],
    ['Up', 0, -1],
    ['Down', 0, 1],
  ] as const
  return steps.flatMap(([name, dx, dy]) =>
    [10, 100].map((far) =>
      command(`node.nudge${name}${far === 10 ? '' : 'Far'}`, (app) => nudge(app, dx * far, dy * far), {
        keys: [`${far === 10 ? '' : 'Shift+'}Arrow${name}`],
        when: ['canvas', 'selection'],
      }),
    ),
  )
}

function nudge({ document, canvas }: App, dx: number, dy: number): void {
  const moves = canvas.selectedNodes().flatMap((id: NodeId) => {
    const view = document.getNode(id)
    return view && !view.pinned ? [[id, [view.pos[0] + dx, view.pos[1] + dy]] as const] : []
  })
  document.moveNodes(moves, { mergeKey: 'nudge' })
}

function viewCommands(shared: Shared): Command[] {
  const { command, keyed } = groupOf(shared, 'group.view')
  return [
    keyed('app.shortcuts', () => page.setShortcuts(true)),
    keyed('app.palette', () => page.setPalette(true)),
    command('app.theme', () => useTheme.getState().toggle()),
    command('view.errors', () => page.setErrors(true)),
    keyed('view.fit', ({ canvas }) => canvas.fit()),
    keyed('view.fitSelection', ({ canvas }) => canvas.fit(canvas.selectedNodes())),
    keyed('view.zoomIn', ({ canvas }) => canvas.zoomBy(1.25)),
    keyed('view.zoomOut', ({ canvas }) => canvas.zoomBy(0.8)),
    command('view.minimap', () => page.toggleMinimap()),
    command('view.inspector', () => page.toggleInspector()),
    keyed('panel.workflows', () => page.togglePanel('workflows')),
    keyed('panel.nodes', () => page.togglePanel('nodes')),
    keyed('panel.queue', () => page.togglePanel('queue')),
    keyed('panel.assets', () => page.togglePanel('gallery')),
    command('panel.templates', () => page.togglePanel('templates')),
  ]
}

function toggleMode({ document, canvas }: App, mode: NodeMode): void {
  const ids = canvas.selectedNodes()
  const all = ids.every((id) => document.getNode(id)?.mode === mode)
  document.setMode(ids, all ? NodeMode.always : mode)
}

/** One undo step for nodes and single links alike. */
function deleteSelection({ document, canvas }: App): void {
  const nodes = canvas.selectedNodes()
  const links = canvas.selectedLinks()
  document.transact(t('step.delete'), () => {
    if (links.length > 0) document.removeLinks(links)
    if (nodes.length > 0) document.removeNodes(nodes)
  })
  canvas.focus()
}

function download(text: string, name: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }))
  const link = globalThis.document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 1000)
}

/** What the page can do, by command id; keys come from the table of default keys. */
import { toast } from 'sonner'
import { bindingOf, type BoundCommandId } from '@/commands/default-keys'
import type { Command } from '@/commands/registry'
import { copySelection, cutSelection, pasteFromMenu } from '@/features/clipboard/clipboard'
import type { App } from '@/features/app'
import { NodeMode, type NodeId } from '@/graph/model'
import { t, type Words } from '@/i18n'
import { page } from '@/ui/page'
import { useTheme } from '@/ui/theme'

/** All commands of the page. */
export function commandsOf(app: App): Command[] {
  return [...runCommands(app), ...fileCommands(app), ...editCommands(app), ...nodeCommands(app), ...viewCommands(app)]
}

type Run = () => void | Promise<void>

function command(id: string, group: Words, run: Run, bound?: Partial<Command>): Command {
  return { id, title: t(`command.${id}` as Words), group: t(group), run, ...bound }
}

/** A command that has default keys. */
function keyed(id: BoundCommandId, group: Words, run: Run, change?: Partial<Command>): Command {
  return command(id, group, run, { ...bindingOf(id), ...change })
}

function runCommands({ runner, api, commands }: App): Command[] {
  const group = 'group.run'
  return [
    keyed('run.queue', group, () => runner.queue()),
    keyed('run.queueFront', group, () => runner.queue({ front: true })),
    keyed('run.interrupt', group, async () => {
      await api.interrupt().catch((error: unknown) => toast.error(String(error)))
    }),
    command('run.clear', group, async () => {
      await api.clearQueue()
    }),
    keyed('app.palette', 'group.view', () => page.setPalette(true)),
    command('app.theme', 'group.view', () => useTheme.getState().toggle()),
    command('view.errors', 'group.view', () => page.setErrors(true)),
  ].filter((entry) => !commands.get(entry.id))
}

function fileCommands({ files }: App): Command[] {
  const group = 'group.file'
  return [
    command('workflow.new', group, () => files.new()),
    keyed('workflow.save', group, () => files.save()),
    keyed('workflow.saveAs', group, () => files.saveAs()),
    keyed('workflow.open', group, () => page.togglePanel('workflows')),
    command('workflow.export', group, () => download(files.text(), files.downloadName)),
  ]
}

function editCommands(app: App): Command[] {
  const { document, canvas } = app
  const group = 'group.edit'
  return [
    keyed('graph.undo', group, () => {
      document.undo()
    }),
    keyed('graph.redo', group, () => {
      document.redo()
    }),
    keyed('graph.copy', group, () => copySelection(app)),
    keyed('graph.cut', group, () => cutSelection(app)),
    keyed('graph.paste', group, () => pasteFromMenu(app, false)),
    keyed('graph.pasteWithLinks', group, () => pasteFromMenu(app, true)),
    keyed('graph.duplicate', group, () => canvas.select(document.duplicate(canvas.selectedNodes()))),
    keyed('graph.delete', group, () => deleteSelection(app), { when: ['canvas', 'selectionOrLink'] }),
    keyed('graph.selectAll', group, () => canvas.selectAll()),
    keyed('graph.clearSelection', group, () => canvas.select([])),
  ]
}

function nodeCommands(app: App): Command[] {
  const { document, canvas } = app
  const group = 'group.node'
  const selected = () => canvas.selectedNodes()
  return [
    // A tap on Space is handled where Space-drag is: the canvas knows which of the two it was.
    keyed('node.search', group, () => page.openSearch({ ...canvas.aim(), from: null }), { keys: ['Shift+A'] }),
    command('node.searchTab', group, () => page.openSearch({ ...canvas.aim(), from: null }), {
      keys: ['Tab'],
      when: ['canvas', 'pane'],
    }),
    keyed('node.mute', group, () => toggleMode(app, selected(), NodeMode.mute)),
    keyed('node.bypass', group, () => toggleMode(app, selected(), NodeMode.bypass)),
    keyed('node.collapse', group, () => {
      const ids = selected()
      document.setCollapsed(ids, !ids.every((id) => document.getNode(id)?.collapsed))
    }),
    keyed('node.pin', group, () => {
      const ids = selected()
      document.setPinned(ids, !ids.every((id) => document.getNode(id)?.pinned))
    }),
    keyed('node.rename', group, () => canvas.rename(selected()[0] ?? null)),
    ...nudges(app),
  ]
}

function nudges(app: App): Command[] {
  const steps = [
    ['Left', -1, 0],
    ['Right', 1, 0],
    ['Up', 0, -1],
    ['Down', 0, 1],
  ] as const
  return steps.flatMap(([name, dx, dy]) =>
    [10, 100].map((far) =>
      command(`node.nudge${name}${far === 10 ? '' : 'Far'}`, 'group.node', () => nudge(app, dx * far, dy * far), {
        keys: [`${far === 10 ? '' : 'Shift+'}Arrow${name}`],
        when: ['canvas', 'selection'],
      }),
    ),
  )
}

function nudge({ document, canvas }: App, dx: number, dy: number): void {
  const moves = canvas.selectedNodes().flatMap((id) => {
    const view = document.getNode(id)
    return view && !view.pinned ? [[id, [view.pos[0] + dx, view.pos[1] + dy]] as const] : []
  })
  document.moveNodes(moves, { mergeKey: 'nudge' })
}

function viewCommands({ canvas }: App): Command[] {
  const group = 'group.view'
  return [
    keyed('view.fit', group, () => canvas.fit()),
    keyed('view.fitSelection', group, () => canvas.fit(canvas.selectedNodes())),
    keyed('view.zoomIn', group, () => canvas.zoomBy(1.25)),
    keyed('view.zoomOut', group, () => canvas.zoomBy(0.8)),
    command('view.minimap', group, () => page.toggleMinimap()),
    command('view.inspector', group, () => page.toggleInspector()),
    keyed('panel.workflows', group, () => page.togglePanel('workflows')),
    keyed('panel.nodes', group, () => page.togglePanel('nodes')),
    keyed('panel.queue', group, () => page.togglePanel('queue')),
    keyed('panel.assets', group, () => page.togglePanel('gallery')),
    command('panel.templates', group, () => page.togglePanel('templates')),
  ]
}

function toggleMode({ document }: App, ids: readonly NodeId[], mode: NodeMode): void {
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

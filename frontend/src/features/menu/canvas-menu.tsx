/** Right-click menu: the commands that fit what was clicked, with their keys. */
import { DropdownMenu } from 'radix-ui'
import { useApp } from '@/features/app'
import { t } from '@/i18n'
import { keysText } from '@/ui/keys-text'

interface CanvasMenuProps {
  readonly x: number
  readonly y: number
  readonly node: string | null
  readonly onClose: () => void
}

const LINE = '-'
const FOR_NODE = [
  'node.links',
  'node.rename',
  'node.mute',
  'node.bypass',
  'node.collapse',
  'node.pin',
  LINE,
  'graph.copy',
  'graph.duplicate',
  'view.fitSelection',
  LINE,
  'graph.delete',
]
const FOR_PANE = [
  'node.search',
  'graph.paste',
  'graph.selectAll',
  LINE,
  'graph.undo',
  'graph.redo',
  LINE,
  'view.fit',
  'workflow.save',
  'workflow.export',
  'workflow.exportPrompt',
]

export default function CanvasMenu({ x, y, node, onClose }: CanvasMenuProps) {
  const { commands } = useApp()
  const entries = node === null ? FOR_PANE : FOR_NODE
  return (
    <DropdownMenu.Root open onOpenChange={(open) => !open && onClose()}>
      <DropdownMenu.Trigger asChild>
        <span style={{ position: 'fixed', left: x, top: y, width: 1, height: 1 }} aria-hidden="true" />
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          className="floating menu"
          align="start"
          sideOffset={0}
          aria-label={t(node === null ? 'menu.pane' : 'menu.node')}
          data-testid="canvas-menu"
          onCloseAutoFocus={(event) => event.preventDefault()}
        >
          {entries.map((id, at) => {
            const command = commands.get(id)
            if (id === LINE) return <DropdownMenu.Separator key={`line ${at}`} className="menu-line" />
            if (!command) return null
            return (
              <DropdownMenu.Item
                key={id}
                className="menu-item"
                data-danger={id === 'graph.delete' ? '' : undefined}
                onSelect={() => void command.run()}
              >
                {command.title}
                <kbd>{keysText(commands, id)}</kbd>
              </DropdownMenu.Item>
            )
          })}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  )
}

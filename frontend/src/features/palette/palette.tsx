/** Ctrl+K: every command by name, with its keys. */
import { Command } from 'cmdk'
import { Dialog } from 'radix-ui'
import { useMemo, useRef, useState } from 'react'
import type { Command as Doable } from '@/commands/registry'
import { useApp } from '@/features/app'
import { offered, rank } from '@/features/palette/rank'
import { t } from '@/i18n'
import { keysText } from '@/ui/keys-text'
import { page } from '@/ui/page'
import '@/features/search/search.css'

export default function Palette() {
  const { commands, canvas } = useApp()
  const [all] = useState(() => offered(commands.all(), commands.getContext()))
  const [text, setText] = useState('')
  const chosen = useRef(false)
  const groups = useMemo(() => [...new Set(all.map((command) => command.group))], [all])
  const typed = text.trim() !== ''

  const choose = (command: Doable) => {
    chosen.current = true
    page.setPalette(false)
    canvas.focus()
    void command.run()
  }
  const item = (command: Doable) => (
    <Command.Item key={command.id} value={command.id} className="menu-item" onSelect={() => choose(command)}>
      {command.title}
      <span className="keys">{keysText(commands, command.id)}</span>
    </Command.Item>
  )

  return (
    <Dialog.Root open onOpenChange={(open) => !open && page.setPalette(false)}>
      <Dialog.Portal>
        <Dialog.Overlay className="veil" />
        <Dialog.Content
          className="floating palette"
          aria-describedby=""
          data-testid="palette"
          // What was chosen may have put the focus somewhere, for example into a title.
          onCloseAutoFocus={(event) => chosen.current && event.preventDefault()}
        >
          <Dialog.Title className="visually-hidden">{t('palette.title')}</Dialog.Title>
          <Command label={t('palette.title')} shouldFilter={false} loop>
            <Command.Input
              autoFocus
              className="field"
              placeholder={t('palette.placeholder')}
              value={text}
              onValueChange={setText}
            />
            <Command.List className="search-list" label={t('palette.title')}>
              <Command.Empty className="empty">{t('choices.none')}</Command.Empty>
              {typed
                ? rank(all, text).map(item)
                : groups.map((group) => (
                    <Command.Group key={group} heading={group}>
                      {all.filter((command) => command.group === group).map(item)}
                    </Command.Group>
                  ))}
            </Command.List>
          </Command>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}

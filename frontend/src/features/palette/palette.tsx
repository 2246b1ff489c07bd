/** Ctrl+K: every command by name, with its keys. */
import { Command } from 'cmdk'
import { Dialog } from 'radix-ui'
import { useApp } from '@/features/app'
import { t } from '@/i18n'
import { keysText } from '@/ui/keys-text'
import { page } from '@/ui/page'
import '@/features/search/search.css'

export default function Palette() {
  const { commands } = useApp()
  const offered = commands.all().filter((command) => command.id !== 'app.palette' && commands.isEnabled(command.id))
  const groups = [...new Set(offered.map((command) => command.group))]
  return (
    <Dialog.Root open onOpenChange={(open) => !open && page.setPalette(false)}>
      <Dialog.Portal>
        <Dialog.Overlay className="veil" />
        <Dialog.Content className="floating palette" aria-describedby="" data-testid="palette">
          <Dialog.Title className="visually-hidden">{t('palette.title')}</Dialog.Title>
          <Command label={t('palette.title')} loop>
            <Command.Input autoFocus className="field" placeholder={t('palette.placeholder')} />
            <Command.List className="search-list" label={t('palette.title')}>
              <Command.Empty className="empty">{t('choices.none')}</Command.Empty>
              {groups.map((group) => (
                <Command.Group key={group} heading={group}>
                  {offered
                    .filter((command) => command.group === group)
                    .map((command) => (
                      <Command.Item
                        key={command.id}
                        value={`${command.title} ${group}`}
                        className="menu-item"
                        onSelect={() => {
                          page.setPalette(false)
                          commands.run(command.id)
                        }}
                      >
                        {command.title}
                        <span className="keys">{keysText(commands, command.id)}</span>
                      </Command.Item>
                    ))}
                </Command.Group>
              ))}
            </Command.List>
          </Command>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}

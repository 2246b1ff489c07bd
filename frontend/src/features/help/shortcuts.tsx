/** Every key and gesture of the page, by group, with a filter. Opened with `?`. */
import { X } from 'lucide-react'
import { Dialog } from 'radix-ui'
import { useState } from 'react'
import { formatCombo } from '@/commands/keys'
import type { CommandRegistry } from '@/commands/registry'
import { useApp } from '@/features/app'
import { t, type Words } from '@/i18n'
import { IconButton } from '@/ui/icon-button'
import { page } from '@/ui/page'
import '@/features/help/shortcuts.css'

interface Entry {
  readonly what: string
  readonly keys: readonly string[]
}

/** What no command stands for: the pointer, and keys inside of lists and fields. */
const GESTURES: readonly (readonly [group: Words, entries: readonly (readonly [what: Words, how: Words])[]])[] = [
  [
    'help.connecting',
    [
      ['help.pickNode', 'help.pickNode.how'],
      ['help.pickSlot', 'help.pickSlot.how'],
      ['help.confirm', 'help.confirm.how'],
      ['help.cancel', 'help.cancel.how'],
    ],
  ],
  [
    'help.pointer',
    [
      ['help.add', 'help.add.how'],
      ['help.connect', 'help.connect.how'],
      ['help.connectNew', 'help.connectNew.how'],
      ['help.detach', 'help.detach.how'],
      ['help.pan', 'help.pan.how'],
      ['help.zoom', 'help.zoom.how'],
      ['help.selectMore', 'help.selectMore.how'],
      ['help.copyDrag', 'help.copyDrag.how'],
      ['help.rename', 'help.rename.how'],
      ['help.scrub', 'help.scrub.how'],
    ],
  ],
]

export default function Shortcuts() {
  const { commands } = useApp()
  const [text, setText] = useState('')
  const needle = text.trim().toLowerCase()
  const fits = ({ what, keys }: Entry) => [what, ...keys].some((part) => part.toLowerCase().includes(needle))
  const groups = [...gestureGroups(), ...commandGroups(commands)]
    .map(([name, entries]) => [name, entries.filter(fits)] as const)
    .filter(([, entries]) => entries.length > 0)
  return (
    <Dialog.Root open onOpenChange={(open) => !open && page.setShortcuts(false)}>
      <Dialog.Portal>
        <Dialog.Overlay className="veil" />
        <Dialog.Content className="dialog floating shortcuts" aria-describedby="" data-testid="shortcuts">
          <header>
            <Dialog.Title asChild>
              <h2>{t('help.title')}</h2>
            </Dialog.Title>
            <IconButton label={t('panel.close')} onClick={() => page.setShortcuts(false)}>
              <X size={16} />
            </IconButton>
          </header>
          <input
            className="field"
            aria-label={t('help.filter')}
            placeholder={t('help.filter')}
            autoFocus
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
          <div className="shortcut-scroll" tabIndex={0} role="group" aria-label={t('help.title')}>
            <div className="shortcut-groups">
              {groups.map(([name, entries]) => (
                <section key={name}>
                  <h3>{name}</h3>
                  <dl>
                    {entries.map(({ what, keys }) => (
                      <div key={what}>
                        <dt>{what}</dt>
                        <dd>
                          {keys.map((combo) => (
                            <kbd key={combo}>{combo}</kbd>
                          ))}
                        </dd>
                      </div>
                    ))}
                  </dl>
                </section>
              ))}
            </div>
            {groups.length === 0 ? <p className="empty">{t('choices.none')}</p> : null}
          </div>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}

/** Commands that have keys, under their groups. */
function commandGroups(commands: CommandRegistry): (readonly [string, readonly Entry[]])[] {
  const groups = new Map<string, Entry[]>()
  for (const { id, title, group } of commands.all()) {
    const keys = commands.keysOf(id).map((combo) => formatCombo(combo, commands.platform))
    if (keys.length > 0) groups.set(group, [...(groups.get(group) ?? []), { what: title, keys }])
  }
  return [...groups]
}

function gestureGroups(): (readonly [string, readonly Entry[]])[] {
  return GESTURES.map(([name, entries]) => [t(name), entries.map(([what, how]) => ({ what: t(what), keys: [t(how)] }))])
}

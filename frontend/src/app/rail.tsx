/** The narrow bar on the left: one icon per panel. */
import {
  Boxes,
  CircleHelp,
  FolderOpen,
  Images,
  LayoutTemplate,
  ListOrdered,
  Map as MapIcon,
  Moon,
  Sun,
} from 'lucide-react'
import { useApp } from '@/features/app'
import { t } from '@/i18n'
import { IconButton } from '@/ui/icon-button'
import { keysText } from '@/ui/keys-text'
import { page, usePage, type PanelName } from '@/ui/page'
import { useTheme } from '@/ui/theme'

const PANELS: readonly { name: PanelName; icon: typeof Boxes }[] = [
  { name: 'workflows', icon: FolderOpen },
  { name: 'nodes', icon: Boxes },
  { name: 'gallery', icon: Images },
  { name: 'queue', icon: ListOrdered },
  { name: 'templates', icon: LayoutTemplate },
]

export function Rail() {
  const { commands } = useApp()
  const open = usePage((state) => state.panel)
  const minimap = usePage((state) => state.minimap)
  const theme = useTheme((state) => state.shown)
  const toggle = useTheme((state) => state.toggle)
  return (
    <nav className="rail" aria-label={t('rail')}>
      {PANELS.map(({ name, icon: Icon }) => (
        <IconButton
          key={name}
          label={t(`panel.${name}`)}
          keys={keysText(commands, `panel.${name}`)}
          aria-pressed={open === name}
          data-testid={`rail-${name}`}
          onClick={() => page.togglePanel(name)}
        >
          <Icon size={18} />
        </IconButton>
      ))}
      <span className="spring" />
      <IconButton
        label={t('help.title')}
        keys={keysText(commands, 'app.shortcuts')}
        data-testid="rail-shortcuts"
        onClick={() => page.setShortcuts(true)}
      >
        <CircleHelp size={18} />
      </IconButton>
      <IconButton
        label={t('minimap')}
        aria-pressed={minimap}
        data-testid="rail-minimap"
        onClick={() => page.toggleMinimap()}
      >
        <MapIcon size={18} />
      </IconButton>
      <IconButton label={t(theme === 'dark' ? 'theme.light' : 'theme.dark')} data-testid="theme" onClick={toggle}>
        {theme === 'dark' ? <Sun size={18} /> : <Moon size={18} />}
      </IconButton>
    </nav>
  )
}

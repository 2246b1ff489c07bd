/** Templates as cards; a click opens one as a new workflow. Also shown in the middle of an empty canvas. */
import { ImageIcon } from 'lucide-react'
import { useEffect, useState } from 'react'
import { useApp } from '@/features/app'
import { openTemplate } from '@/features/workflows/opening'
import { listTemplates, type Template } from '@/features/templates/templates'
import { t } from '@/i18n'
import '@/features/templates/templates.css'

export default function TemplatesPanel() {
  return <TemplateCards />
}

export function TemplateCards() {
  const app = useApp()
  const { api } = app
  const [templates, setTemplates] = useState<readonly Template[] | null>(null)
  const [failed, setFailed] = useState(false)
  useEffect(() => {
    listTemplates(api).then(setTemplates, () => setFailed(true))
  }, [api])
  if (failed) return <p className="empty">{t('templates.failed')}</p>
  return (
    <ul className="templates" aria-label={t('panel.templates')} data-testid="templates">
      {templates?.map((template) => (
        <li key={template.name}>
          <button
            type="button"
            className="template"
            data-testid={`template-${template.name}`}
            onClick={() => void openTemplate(app, template)}
          >
            <span className="template-picture">
              {template.thumbnail ? (
                <img src={pictureUrl(template.thumbnail)} alt="" loading="lazy" decoding="async" />
              ) : (
                <ImageIcon size={24} aria-hidden="true" />
              )}
            </span>
            <strong>{template.title}</strong>
            <span className="sub">{template.description}</span>
          </button>
        </li>
      ))}
    </ul>
  )
}

/** The server names pictures from its root; the page may be mounted below another path. */
function pictureUrl(thumbnail: string): string {
  return new URL(thumbnail.replace(/^\//, ''), document.baseURI).href
}

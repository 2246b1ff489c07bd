/** What stands on an empty canvas: the templates, and what can be dropped. */
import { TemplateCards } from '@/features/templates/templates-panel'
import { t } from '@/i18n'

export default function EmptyCanvas() {
  return (
    <div className="empty-canvas" data-testid="empty-canvas">
      <div>
        <TemplateCards />
        <p>{t('canvas.empty')}</p>
      </div>
    </div>
  )
}

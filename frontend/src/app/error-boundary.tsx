/** Catches what breaks while drawing, says so, and offers a reload; the draft is safe. */
import { Component, type ReactNode } from 'react'
import { t } from '@/i18n'

interface State {
  readonly error: Error | null
}

export class ErrorBoundary extends Component<{ children: ReactNode }, State> {
  override state: State = { error: null }

  static getDerivedStateFromError(error: Error): State {
    return { error }
  }

  override render(): ReactNode {
    const { error } = this.state
    if (!error) return this.props.children
    return (
      <main className="empty" role="alert">
        <h1>{t('crash.title')}</h1>
        <p>{t('crash.text')}</p>
        <pre className="mono">{error.message}</pre>
        <button type="button" className="button" data-kind="primary" onClick={() => location.reload()}>
          {t('crash.reload')}
        </button>
      </main>
    )
  }
}

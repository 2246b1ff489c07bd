/** Parts of the page that are loaded when they are first wanted, or when the browser has nothing else to do. */
import { Component, lazy, Suspense, type ComponentType, type LazyExoticComponent, type ReactNode } from 'react'
import { t } from '@/i18n'

type Load = () => Promise<unknown>

const parts: Load[] = []

/** Like React's `lazy`; the part is also fetched by {@link fetchParts}. */
export function later<P>(load: () => Promise<{ default: ComponentType<P> }>): LazyExoticComponent<ComponentType<P>> {
  parts.push(load)
  return lazy(load)
}

/** Fetches all parts one after the other, so that they are there even when the server is away later. */
export async function fetchParts(): Promise<void> {
  for (const load of parts) {
    await idle()
    await load().catch(() => undefined)
  }
}

function idle(): Promise<void> {
  return new Promise((resolve) => {
    if ('requestIdleCallback' in window) requestIdleCallback(() => resolve(), { timeout: 2000 })
    else setTimeout(resolve, 200)
  })
}

/** Stands around a part: nothing while it is fetched, a sentence when that failed; the rest of the page goes on. */
export function Part({ children }: { children: ReactNode }) {
  return (
    <PartBoundary>
      <Suspense fallback={null}>{children}</Suspense>
    </PartBoundary>
  )
}

class PartBoundary extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false }

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true }
  }

  override render(): ReactNode {
    if (!this.state.failed) return this.props.children
    return (
      <div className="part-failed floating" role="alert">
        {t('part.failed')}
        <button type="button" className="button" data-kind="outline" onClick={() => location.reload()}>
          {t('crash.reload')}
        </button>
      </div>
    )
  }
}

/** Where screen readers listen; stands once in the shell. */
import { useAnnouncement } from '@/ui/announce'

export function Announcer() {
  const text = useAnnouncement((state) => state.text)
  return (
    <div role="status" aria-live="polite" className="visually-hidden" data-testid="announcer">
      {text}
    </div>
  )
}

/** Sentences for screen readers about what keys have done on the canvas, where nothing takes the focus. */
import { create } from 'zustand'

export const useAnnouncement = create<{ readonly text: string }>()(() => ({ text: '' }))

/** Says a sentence once; the same one twice is said twice. */
export function announce(text: string): void {
  const spoken = useAnnouncement.getState().text
  useAnnouncement.setState({ text: spoken === text ? `${text}\u00a0` : text })
}

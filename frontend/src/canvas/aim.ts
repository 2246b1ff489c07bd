/** The slots that keys are aimed at while a link is made without the pointer; the canvas shows them. */
import { create } from 'zustand'
import type { NodeId } from '@/graph/model'

/** A slot on the canvas. */
export interface AimedSlot {
  readonly node: NodeId
  readonly handle: string
}

/** `from`: where the link begins; `to`: where it would end. */
export const useAim = create<{ readonly from: AimedSlot | null; readonly to: AimedSlot | null }>()(() => ({
  from: null,
  to: null,
}))

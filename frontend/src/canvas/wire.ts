/** The wire that is being dragged; pins fade or grow by it. */
import { create } from 'zustand'
import type { GraphLink } from '@/graph/model'

export interface DraggedWire {
  /** Node and handle at the wire's fixed end. */
  readonly node: string
  readonly handle: string
  /** Side of the fixed end. */
  readonly side: 'input' | 'output'
  readonly type: string
  /** The link that was picked up from an input, if any. */
  readonly moved: GraphLink | null
}

export const useWire = create<{ wire: DraggedWire | null }>()(() => ({ wire: null }))

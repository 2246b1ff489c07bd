/** How much of a node is worth drawing at a zoom; one store for all nodes, told once per change of level. */
import { create } from 'zustand'

/** 0: everything; 1: title and colour; 2: coloured blocks. */
export type Lod = 0 | 1 | 2

const TITLES_BELOW = 0.4
const BLOCKS_BELOW = 0.16

export function lodOf(zoom: number): Lod {
  return zoom < BLOCKS_BELOW ? 2 : zoom < TITLES_BELOW ? 1 : 0
}

export const useLod = create<{ lod: Lod; zoom: number }>()(() => ({ lod: 0, zoom: 1 }))

/** Called by the canvas whenever the viewport moves. Listeners that select `lod` hear of it only when the level changes. */
export function zoomed(zoom: number): void {
  if (useLod.getState().zoom !== zoom) useLod.setState({ zoom, lod: lodOf(zoom) })
}

/** Names of handles, as the canvas and the document know them. */

/** Where a link may start or end. */
export type HandleRef =
  | { readonly side: 'input'; readonly node: string; readonly input: string }
  | { readonly side: 'output'; readonly node: string; readonly slot: number }

/** Handle id of an input. */
export const inputHandle = (name: string): string => `in:${name}`
/** Handle id of an output. */
export const outputHandle = (index: number): string => `out:${index}`

/** The handle behind a node's handle id. */
export function parseHandle(node: string, handle: string): HandleRef | null {
  if (handle.startsWith('in:')) return { side: 'input', node, input: handle.slice(3) }
  const slot = Number(handle.startsWith('out:') ? handle.slice(4) : NaN)
  return Number.isInteger(slot) ? { side: 'output', node, slot } : null
}

/** Colour tokens of slot types and node categories; used by pins, wires and title bars. */

const KNOWN: Readonly<Record<string, string>> = {
  MODEL: 'model',
  CLIP: 'clip',
  VAE: 'vae',
  CONDITIONING: 'conditioning',
  LATENT: 'latent',
  IMAGE: 'image',
  MASK: 'mask',
  CONTROL_NET: 'control-net',
  INT: 'int',
  FLOAT: 'float',
  STRING: 'string',
  BOOLEAN: 'boolean',
  COMBO: 'combo',
  '*': 'any',
  '': 'any',
}
const HASHED = 8

/** CSS colour of a slot type. Types without a colour of their own always get the same one of eight. */
export function slotColour(type: string): string {
  const known = KNOWN[type.toUpperCase()]
  return known ? `var(--slot-${known})` : `var(--slot-hash-${hash(type) % HASHED})`
}

/** FNV-1a, 32 bit. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let at = 0; at < text.length; at += 1) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193)
  return value >>> 0
}

const TINTS: readonly (readonly [RegExp, string])[] = [
  [/load|checkpoint|model_(merging|patches)|guidance|advanced\/model/, 'loaders'],
  [/conditioning/, 'conditioning'],
  [/sampling/, 'sampling'],
  [/latent/, 'latent'],
  [/mask/, 'mask'],
  [/image/, 'image'],
]

/** CSS colour of the title bar of a category like `latent/inpaint`; output nodes share one. */
export function titleTint(category: string, outputNode: boolean, unknown: boolean): string {
  if (unknown) return 'var(--title-unknown)'
  if (outputNode) return 'var(--title-output)'
  const found = TINTS.find(([pattern]) => pattern.test(category.toLowerCase()))
  return `var(--title-${found?.[1] ?? 'utilities'})`
}

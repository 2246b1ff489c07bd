/** The words of the page. Every visible sentence comes from a table of this folder through `t`. */
import en from '@/i18n/en.json'

export type Words = keyof typeof en

/** `{n|one|many}`, both of which may hold `{name}`. */
const CHOICE = /\{(\w+)\|((?:[^|{}]|\{\w+\})*)\|((?:[^{}]|\{\w+\})*)\}/g

/** The sentence `key`, with `{name}` replaced by `values.name`; `{n|one|many}` chooses by the number `n`. */
export function t(key: Words, values: Record<string, string | number> = {}): string {
  const sentence: string = en[key]
  return sentence
    .replace(CHOICE, (_whole, name: string, one: string, many: string) => (Number(values[name]) === 1 ? one : many))
    .replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole))
}

/** Whether a value of one slot type may enter a slot of another; used while connecting and when a bypass is resolved. */

const isAny = (type: string): boolean => type === '' || type === '*' || type === '0'

/** Empty and `*` match everything; case does not matter; a comma list matches when any pair does. */
export function typesMatch(a: string, b: string): boolean {
  if (a === b || isAny(a) || isAny(b)) return true
  const left = split(a)
  const right = split(b)
  return left.some((one) => isAny(one) || right.some((other) => isAny(other) || one === other))
}

function split(type: string): string[] {
  return type
    .toLowerCase()
    .split(',')
    .map((part) => part.trim())
}

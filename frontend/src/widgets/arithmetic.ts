/** Reads what people type into number fields: numbers, and sums like `512*1.5`; used by the number widget. */

/**
 * The value of a typed expression: decimals, `+ - * / %`, `**` or `^` for powers, brackets. A lone integer of any
 * length becomes a `bigint` when a number could not hold it. Anything else gives `null`.
 */
export function evaluate(text: string): number | bigint | null {
  const source = text.trim().replace(/(\d),(?=\d)/g, '$1.')
  if (/^[+-]?\d+$/.test(source)) {
    const exact = BigInt(source)
    const close = Number(exact)
    return Number.isSafeInteger(close) ? close : exact
  }
  const tokens = source.match(/\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?|\*\*|[-+*/%^()]/gi)
  if (!tokens || tokens.join('') !== source.replace(/\s+/g, '')) return null
  const reader = new Reader(tokens)
  const value = reader.sum()
  return value !== null && reader.done && Number.isFinite(value) ? value : null
}

class Reader {
  private at = 0
  constructor(private readonly tokens: readonly string[]) {}

  get done(): boolean {
    return this.at === this.tokens.length
  }

  sum(): number | null {
    let left = this.product()
    for (let sign = this.take('+', '-'); sign && left !== null; sign = this.take('+', '-')) {
      const right = this.product()
      left = right === null ? null : sign === '+' ? left + right : left - right
    }
    return left
  }

  private product(): number | null {
    let left = this.signed()
    for (let sign = this.take('*', '/', '%'); sign && left !== null; sign = this.take('*', '/', '%')) {
      const right = this.signed()
      if (right === null) return null
      left = sign === '*' ? left * right : sign === '/' ? left / right : left % right
    }
    return left
  }

  private signed(): number | null {
    const sign = this.take('+', '-')
    if (!sign) return this.power()
    const value = this.signed()
    return value === null ? null : sign === '-' ? -value : value
  }

  private power(): number | null {
    const base = this.atom()
    if (base === null || !this.take('**', '^')) return base
    const exponent = this.signed()
    return exponent === null ? null : base ** exponent
  }

  private atom(): number | null {
    if (this.take('(')) {
      const value = this.sum()
      return this.take(')') ? value : null
    }
    const token = this.tokens[this.at]
    if (token === undefined || !/^[\d.]/.test(token)) return null
    this.at += 1
    return Number(token)
  }

  private take(...wanted: string[]): string | null {
    const token = this.tokens[this.at]
    if (token === undefined || !wanted.includes(token)) return null
    this.at += 1
    return token
  }
}

import { compareText } from './compare-text.ts'

/** A number of any length, exactly. */
export interface Decimal {
  /** Digits without leading zeros. */
  readonly whole: string
  /** Digits without trailing zeros. */
  readonly fraction: string
}

const DECIMAL = /^(\d+)(?:\.(\d+))?$/

/** `20240131`, `7.25`; undefined for all else. */
export function parseDecimal(text: string): Decimal | undefined {
  const [, whole, fraction = ''] = DECIMAL.exec(text) ?? []
  if (whole === undefined) return undefined
  // not by /0+$/, which takes the square of the zeros in "0.0000001"
  let end = fraction.length
  while (fraction[end - 1] === '0') end--
  return { whole: whole.replace(/^0+/, ''), fraction: fraction.slice(0, end) }
}

/** Above 0 when `a` is the greater number, 0 when they are the same. */
export const compareDecimals = (a: Decimal, b: Decimal): number =>
  a.whole.length - b.whole.length || compareText(a.whole, b.whole) || compareText(a.fraction, b.fraction)

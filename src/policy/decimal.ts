import { compareText } from './compare-text.ts'

/** A decimal number of any length, without rounding. */
export interface Decimal {
  /** Digits without leading zeros. */
  readonly whole: string
  /** Digits without trailing zeros. */
  readonly fraction: string
}

const DECIMAL = /^(\d+)(?:\.(\d+))?$/

/** Parses `20240131` or `7.25`; undefined for other text. */
export function parseDecimal(text: string): Decimal | undefined {
  const [, whole, fraction = ''] = DECIMAL.exec(text) ?? []
  if (whole === undefined) return undefined
  // not by /0+$/, which takes quadratic time in the zeros of "0.0000001"
  let end = fraction.length
  while (fraction[end - 1] === '0') end--
  return { whole: whole.replace(/^0+/, ''), fraction: fraction.slice(0, end) }
}

/** Returns a number above 0 when `a` is greater, and 0 when both are equal. */
export const compareDecimals = (a: Decimal, b: Decimal): number =>
  a.whole.length - b.whole.length || compareText(a.whole, b.whole) || compareText(a.fraction, b.fraction)

import { parseVersion, type TagVersion } from '../oci/version.ts'
import type { TagPolicy } from './policy.ts'
import { createVersionRange } from './version-range.ts'

/** Reasons why a tag cannot be chosen; nearest to being chosen first. */
export const EXCLUSION_REASONS = [
  'PRERELEASE',
  'OUT_OF_RANGE',
  'NO_CREATION_TIME',
  'NO_IMAGE',
  'ARTIFACT',
  'FOLLOWS',
  'NOT_A_VERSION',
  'NOT_A_NUMBER',
  'FILTERED',
] as const
/** Reason why a tag cannot be chosen. */
export type ExclusionReason = (typeof EXCLUSION_REASONS)[number]

/** Returns a number above 0 when `a` comes after `b`. For ASCII text, such as tags, this is byte order. */
export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const PARTS = /\d+|\D/g

/**
 * Returns a number above 0 when `a` comes after `b` in natural order, in which groups of digits are compared as numbers:
 * `1.2.3-10` comes after `1.2.3-9`. Returns 0 for equal texts only.
 */
export function compareNatural(a: string, b: string): number {
  const others = b.match(PARTS) ?? []
  for (const [at, part] of (a.match(PARTS) ?? []).entries()) {
    const other = others[at]
    if (other === undefined) return 1
    const [number, otherNumber] = [parseDecimal(part), parseDecimal(other)]
    const order = number && otherNumber ? compareDecimals(number, otherNumber) : compareText(part, other)
    if (order !== 0) return order
  }
  // `1` and `01`, or a text and its beginning
  return a.length - b.length || compareText(a, b)
}

/** The value of a tag in an order. */
interface OrderedValue<Key> {
  /** The value to compare; null when there is none. */
  readonly key: Key | null
  /** Why the tag cannot be chosen; null when it can. */
  readonly excluded: ExclusionReason | null
}

/** A way to read and compare the values of tags. */
export interface Order<Key> {
  read(value: string, createdAt: number | null): OrderedValue<Key>
  /** Returns a number above 0 when `a` is higher, and 0 when both are equal. */
  compare(a: Key, b: Key): number
  /** For equal values: returns a number above 0 when `a` is preferred, in both directions. */
  prefer?(a: Key, b: Key): number
  /** Formats the key; without it the value itself is displayed. */
  show?(key: Key): string
}

const none = (excluded: ExclusionReason): OrderedValue<never> => ({ key: null, excluded })

const bySemver = (policy: TagPolicy): Order<TagVersion> => {
  const range = createVersionRange(policy)
  return {
    read(value) {
      const key = parseVersion(value)
      if (!key) return none('NOT_A_VERSION')
      const place = range.placeOf(key.parsed)
      return { key, excluded: place === 'IN_RANGE' ? null : place }
    },
    compare: (a, b) => a.parsed.compare(b.parsed),
    // "3.3.0" before "3.3", then "3.3" before "v3.3"
    prefer: (a, b) => Number(a.full) - Number(b.full) || b.prefix.length - a.prefix.length,
  }
}

const byNumber: Order<Decimal> = {
  read(value) {
    const key = parseDecimal(value)
    return key ? { key, excluded: null } : none('NOT_A_NUMBER')
  },
  compare: (a, b) => compareDecimals(a, b),
}

const byText: Order<string> = {
  read: (value) => ({ key: value, excluded: null }),
  compare: compareText,
}

const byCreation: Order<number> = {
  read: (_value, createdAt) =>
    createdAt === null ? none('NO_CREATION_TIME') : { key: createdAt, excluded: null },
  compare: (a, b) => a - b,
  show: (createdAt) => new Date(createdAt).toISOString(),
}

/** Creates the order of a policy. Throws InvalidInputError for an invalid range. */
export function createOrder(policy: TagPolicy): Order<unknown> {
  switch (policy.order) {
    case 'SEMVER':
      return bySemver(policy) as Order<unknown>
    case 'NUMERICAL':
      return byNumber as Order<unknown>
    case 'ALPHABETICAL':
      return byText as Order<unknown>
    case 'NEWEST':
      return byCreation as Order<unknown>
  }
}

/** A decimal number of any length, without rounding. */
interface Decimal {
  /** Digits without leading zeros. */
  readonly whole: string
  /** Digits without trailing zeros. */
  readonly fraction: string
}

const DECIMAL = /^(\d+)(?:\.(\d+))?$/

/** Parses `20240131` or `7.25`; undefined for other text. */
function parseDecimal(text: string): Decimal | undefined {
  const [, whole, fraction = ''] = DECIMAL.exec(text) ?? []
  if (whole === undefined) return undefined
  // not by /0+$/, which takes quadratic time in the zeros of "0.0000001"
  let end = fraction.length
  while (fraction[end - 1] === '0') end--
  return { whole: whole.replace(/^0+/, ''), fraction: fraction.slice(0, end) }
}

/** Returns a number above 0 when `a` is greater, and 0 when both are equal. */
const compareDecimals = (a: Decimal, b: Decimal): number =>
  a.whole.length - b.whole.length || compareText(a.whole, b.whole) || compareText(a.fraction, b.fraction)

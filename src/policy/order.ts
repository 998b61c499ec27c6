import { parseVersion, type TagVersion } from '../oci/version.ts'
import { compareText } from './compare-text.ts'
import { compareDecimals, type Decimal, parseDecimal } from './decimal.ts'
import type { ExclusionReason } from './exclusion.ts'
import type { TagPolicy } from './policy.ts'
import { createVersionRange } from './version-range.ts'

/** What an order reads of a tag. */
export interface Reading<Key> {
  /** What is compared; null where there is nothing to compare. */
  readonly key: Key | null
  /** Why it is not to be chosen all the same; null where it may be. */
  readonly excluded: ExclusionReason | null
}

/** What is compared of tags, and how. */
export interface Order<Key> {
  read(value: string, createdAt: number | null): Reading<Key>
  /** Above 0 when `a` is the higher one, 0 when they are the same. */
  compare(a: Key, b: Key): number
  /** Of two that are the same: above 0 when `a` goes first, whether the highest or the lowest is asked for. */
  prefer?(a: Key, b: Key): number
  /** The key as it is shown; the value itself where this is left out. */
  show?(key: Key): string
}

const none = (excluded: ExclusionReason): Reading<never> => ({ key: null, excluded })

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
  compare: compareDecimals,
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

/** Throws InvalidPolicyError: the range cannot be read. */
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

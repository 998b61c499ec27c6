import type { TagName } from '../oci/tag.ts'
import { compareText } from './compare-text.ts'
import type { ExclusionReason } from './exclusion.ts'
import { createFilter } from './filter.ts'
import { createOrder } from './order.ts'
import { readPolicy, type TagPolicy } from './policy.ts'

/** A tag that a rule may choose. */
export interface Candidate {
  readonly tag: TagName
  /** When its image was created, in milliseconds since 1970; null = not known. Only NEWEST looks at it. */
  readonly createdAt: number | null
}

/** A tag that may be chosen. Only those that the same rule ranked can be compared. */
export interface Ranked {
  readonly tag: TagName
  /** What is compared, to be shown: a version, a number, a text, or a time in RFC 3339. */
  readonly value: string
  /** What is compared. */
  readonly key: unknown
  readonly reason: null
}

/** A tag that cannot be chosen. */
export interface Excluded {
  readonly tag: TagName
  /** What was to be compared; null where the pattern is not found in the name. */
  readonly value: string | null
  /** What would be compared; null where the value is nothing to compare. */
  readonly key: unknown
  readonly reason: ExclusionReason
}

/** A policy that is ready to be applied. */
export interface Rule {
  readonly policy: TagPolicy
  /**
   * What is compared of a tag, or why it is out. It looks at the name alone, and under NEWEST at the creation time; what
   * the filter lets through is NO_CREATION_TIME there without one.
   */
  rank(candidate: Candidate): Ranked | Excluded
  /** Above 0 when `a` is chosen before `b`, below 0 when `b` is; never 0 for different tags. */
  compare(a: Compared, b: Compared): number
  /** Whether only spelling or name puts one of them before the other. */
  isSame(a: Compared, b: Compared): boolean
}

/** What a rule ranked, or excluded with a key. */
export type Compared = Pick<Ranked, 'tag' | 'key'>

export const isRanked = (ranked: Ranked | Excluded): ranked is Ranked => ranked.reason === null

/** Characters of a value: more than any tag has, and less than an extract can repeat. */
const MAX_VALUE_LENGTH = 255
const isComparable = (value: string): boolean => value !== '' && value.length <= MAX_VALUE_LENGTH

/** Rules are compiled once, and the most recent kept. */
const MAX_KEPT = 200
const kept = new Map<string, Rule>()

/** The rule of a text that `writePolicy` wrote. Throws InvalidPolicyError: it was not checked before it was written. */
export function ruleOf(text: string): Rule {
  const rule = kept.get(text) ?? createRule(readPolicy(text))
  // what was asked for last goes to the end, and the beginning is dropped
  kept.delete(text)
  kept.set(text, rule)
  for (const [oldest] of kept) {
    if (kept.size <= MAX_KEPT) break
    kept.delete(oldest)
  }
  return rule
}

function createRule(policy: TagPolicy): Rule {
  const order = createOrder(policy)
  const filter = policy.filter && createFilter(policy.filter)
  const comparesValues = policy.order !== 'NEWEST'
  const direction = policy.lowest ? -1 : 1
  return {
    policy,
    rank({ tag, createdAt }) {
      const value = filter ? filter(tag) : tag
      if (value === null || (comparesValues && !isComparable(value))) {
        return { tag, value, key: null, reason: 'FILTERED' }
      }
      const { key, excluded } = order.read(value, createdAt)
      if (excluded !== null) return { tag, value, key, reason: excluded }
      return { tag, value: order.show ? order.show(key) : value, key, reason: null }
    },
    compare: (a, b) =>
      direction * order.compare(a.key, b.key) || order.prefer?.(a.key, b.key) || compareText(b.tag, a.tag),
    isSame: (a, b) => order.compare(a.key, b.key) === 0,
  }
}

import { memoized } from '../concurrency/cache.ts'
import type { TagName } from '../oci/tag.ts'
import { createFilter } from './filter.ts'
import type { ExclusionReason } from './order.ts'
import { compareNatural, createOrder } from './order.ts'
import { readPolicy, type TagPolicy } from './policy.ts'

/** A tag from which a rule chooses. */
export interface Candidate {
  readonly tag: TagName
  /** When its image was created, in milliseconds since 1970; null when unknown. Only NEWEST uses it. */
  readonly createdAt: number | null
  /** 1 when its image is an artifact. Undefined when that is not known: then the caller excludes artifacts. */
  readonly isArtifact?: 0 | 1
}

/** A tag that can be chosen. Comparable only with tags ranked by the same rule. */
export interface Ranked {
  readonly tag: TagName
  /** The compared value as text: a version, a number, a text, or an RFC 3339 time. */
  readonly value: string
  /** The compared value. */
  readonly key: unknown
  readonly reason: null
}

/** A tag that cannot be chosen. */
export interface Excluded {
  readonly tag: TagName
  /** The value to compare as text; null when the pattern does not match the name. */
  readonly value: string | null
  /** The value to compare; null when there is none. */
  readonly key: unknown
  readonly reason: ExclusionReason
}

/** A compiled policy. */
export type Rule = ReturnType<typeof createRule>

/** A tag with a key of the rule. */
export type Compared = Pick<Ranked, 'tag' | 'key'>

/** Reports whether the tag can be chosen. */
export const isRanked = (ranked: Ranked | Excluded): ranked is Ranked => ranked.reason === null

/** Maximum number of characters of a value: more than any tag has, and less than an extract can produce. */
const MAX_VALUE_LENGTH = 255
const isComparable = (value: string): boolean => value !== '' && value.length <= MAX_VALUE_LENGTH

/**
 * Names that a rule ranks before the event loop gets a turn: each takes about a microsecond, and a tenth of a millisecond
 * with the slowest pattern.
 */
export const NAMES_A_TURN = 50

/** Maximum number of compiled rules that are cached. */
const MAX_RULES = 200

/** Returns the rule of a text that `writePolicy` wrote. Throws InvalidInputError if it was not validated before. */
export const ruleOf: (text: string) => Rule = memoized((text) => createRule(readPolicy(text)), MAX_RULES)

function createRule(policy: TagPolicy) {
  const order = createOrder(policy)
  const filter = policy.filter && createFilter(policy.filter)
  const comparesValues = policy.order !== 'NEWEST'
  const direction = policy.lowest ? -1 : 1
  return {
    policy,
    /**
     * Returns the value of a tag to compare, or why the tag is excluded. Depends on the name only, on whether it is an
     * artifact, and under NEWEST on the creation time: a tag that passes the filter without one is NO_CREATION_TIME.
     */
    rank({ tag, createdAt, isArtifact = 0 }: Candidate): Ranked | Excluded {
      const value = filter ? filter(tag) : tag
      if (value === null || (comparesValues && !isComparable(value))) {
        return { tag, value, key: null, reason: 'FILTERED' }
      }
      if (isArtifact && !policy.artifacts) return { tag, value, key: null, reason: 'ARTIFACT' }
      const { key, excluded } = order.read(value, createdAt)
      if (excluded !== null) return { tag, value, key, reason: excluded }
      return { tag, value: order.show ? order.show(key) : value, key, reason: null }
    },
    /** Returns a number above 0 when `a` is chosen before `b`, else below 0; never 0 for different tags. */
    compare: (a: Compared, b: Compared): number =>
      direction * order.compare(a.key, b.key) || order.prefer?.(a.key, b.key) || compareNatural(a.tag, b.tag),
    /** Reports whether both have the same value, so that only spelling or name orders them. */
    isSame: (a: Compared, b: Compared): boolean => order.compare(a.key, b.key) === 0,
  }
}

import type { TagName } from '../oci/tag.ts'
import { explainChosen, explainExcluded, explainRanked } from './explain.ts'
import { compareText, EXCLUSION_REASONS, type ExclusionReason } from './order.ts'
import { type Candidate, type Excluded, isRanked, type Ranked, type Rule } from './rule.ts'

/** A tag that can be chosen, with the value that was compared. */
export interface RankedTag {
  readonly tag: TagName
  readonly value: string
  /** Why it was chosen, or why it ranks below the chosen tag. */
  readonly message: string
}

/** A tag that cannot be chosen. */
export interface ExcludedTag {
  readonly tag: TagName
  /** The value to compare; null when none was extracted. */
  readonly value: string | null
  readonly reason: ExclusionReason
  readonly message: string
}

/** The tag that a rule chose, and the reasons. */
export interface Decision {
  /** Null when no tag can be chosen. */
  readonly chosen: TagName | null
  readonly rankedCount: number
  readonly excludedCount: number
  /** Best first: the first is the chosen tag. */
  readonly ranked: readonly RankedTag[]
  /** Those that come nearest to being chosen first. */
  readonly excluded: readonly ExcludedTag[]
}

/** A tag that is excluded regardless of its name. */
export interface ExcludedAlready {
  readonly tag: TagName
  readonly reason: 'FOLLOWS' | 'NO_IMAGE' | 'ARTIFACT' | 'NO_CREATION_TIME'
  /** Explanation, if more specific than the reason. */
  readonly message?: string
}

export interface DecideOptions {
  /** Number of ranked and of excluded tags that the decision lists; its counts include all. */
  readonly shown: number
  readonly excludedAlready?: Iterable<ExcludedAlready>
}

/** Applies a rule to candidates in any order. Each name must occur once. */
export function decide(
  rule: Rule,
  candidates: Iterable<Candidate>,
  { shown, excludedAlready = [] }: DecideOptions,
): Decision {
  const deciding = beginDeciding(rule, shown)
  for (const candidate of candidates) deciding.add(candidate)
  for (const already of excludedAlready) deciding.addExcluded(already)
  return deciding.decision()
}

/** A decision in steps, for more tags than can be ranked at once. */
export type Deciding = ReturnType<typeof beginDeciding>

/** Starts a decision in steps; `shown` as in DecideOptions. */
export function beginDeciding(rule: Rule, shown: number) {
  const ranked = createBest<Ranked>(Math.max(shown, 1), rule.compare)
  const excluded = createBest<Excluded & { message?: string }>(shown, nearestFirst(rule))
  let rankedCount = 0
  let excludedCount = 0
  return {
    add(candidate: Candidate): void {
      const rank = rule.rank(candidate)
      if (isRanked(rank)) {
        rankedCount++
        ranked.add(rank)
      } else {
        excludedCount++
        excluded.add(rank)
      }
    },
    addExcluded(already: ExcludedAlready): void {
      excludedCount++
      excluded.add({ ...already, value: null, key: null })
    },
    /** Returns the decision among all added tags. */
    decision(): Decision {
      const best = ranked.take()
      const [chosen] = best
      return {
        chosen: chosen?.tag ?? null,
        rankedCount,
        excludedCount,
        ranked: best.slice(0, shown).map((one) => ({
          tag: one.tag,
          value: one.value,
          message:
            !chosen || one === chosen
              ? explainChosen(rule.policy, rankedCount)
              : explainRanked(rule, one, chosen),
        })),
        excluded: excluded.take().map((one) => ({
          tag: one.tag,
          value: one.value,
          reason: one.reason,
          message: one.message ?? explainExcluded(rule.policy, one),
        })),
      }
    },
  }
}

const NEARNESS = new Map(EXCLUSION_REASONS.map((reason, at) => [reason, EXCLUSION_REASONS.length - at]))

// by reason, then by rank, then by name
const nearestFirst =
  (rule: Rule) =>
  (a: Excluded, b: Excluded): number =>
    (NEARNESS.get(a.reason) ?? 0) - (NEARNESS.get(b.reason) ?? 0) ||
    (a.key !== null && b.key !== null ? rule.compare(a, b) : compareText(b.tag, a.tag))

/**
 * Creates a collection of the best `count` items; `compare` returns a number above 0 when its first argument is better.
 * Holds at most twice as many, and so never sorts the whole sequence.
 */
function createBest<T>(count: number, compare: (a: T, b: T) => number) {
  let kept: T[] = []
  /** Items below this one cannot be among the best. */
  let worst: T | undefined
  const cut = (): void => {
    kept.sort((a, b) => compare(b, a))
    kept = kept.slice(0, count)
    if (kept.length === count) worst = kept.at(-1)
  }
  return {
    add(item: T): void {
      if (count === 0 || (worst !== undefined && compare(item, worst) < 0)) return
      kept.push(item)
      if (kept.length >= 2 * count) cut()
    },
    /** Returns the best items, the best first. */
    take(): readonly T[] {
      cut()
      return kept
    },
  }
}

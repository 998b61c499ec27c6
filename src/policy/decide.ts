import type { TagName } from '../oci/tag.ts'
import { createBest } from './best.ts'
import { compareText } from './compare-text.ts'
import { EXCLUSION_REASONS, type ExclusionReason } from './exclusion.ts'
import { explainChosen, explainExcluded, explainRanked } from './explain.ts'
import { type Candidate, type Excluded, isRanked, type Ranked, type Rule } from './rule.ts'

/** A tag that could have been chosen, and what it was compared by. */
export interface RankedTag {
  readonly tag: TagName
  readonly value: string
  /** Why it was chosen, or why it stands behind the chosen one. */
  readonly message: string
}

/** A tag that could not be chosen. */
export interface ExcludedTag {
  readonly tag: TagName
  /** What was to be compared; null where it did not come to that. */
  readonly value: string | null
  readonly reason: ExclusionReason
  readonly message: string
}

/** What a rule chose, and why. */
export interface Decision {
  /** Null when no tag can be chosen. */
  readonly chosen: TagName | null
  readonly rankedCount: number
  readonly excludedCount: number
  /** Best first: the chosen one is at the head. */
  readonly ranked: readonly RankedTag[]
  /** Those that came nearest to being chosen first. */
  readonly excluded: readonly ExcludedTag[]
}

/** A tag that is out whatever the rule says of its name. */
export interface ExcludedAlready {
  readonly tag: TagName
  readonly reason: 'FOLLOWS' | 'NO_IMAGE' | 'NO_CREATION_TIME'
  /** Why, where more is known than the reason says. */
  readonly message?: string
}

export interface DecideOptions {
  /** How many tags of each kind the decision names; counts are of all. */
  readonly shown: number
  readonly excludedAlready?: Iterable<ExcludedAlready>
}

/** What a rule chooses of these, whatever order they come in. No name may be there twice. */
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

/** A decision that is made as the tags come, for who has more of them than can be looked at in one go. */
export interface Deciding {
  add(candidate: Candidate): void
  addExcluded(already: ExcludedAlready): void
  /** What is chosen of all that were added. */
  decision(): Decision
}

/** As `decide`; `shown` is how many tags of each kind the decision names. */
export function beginDeciding(rule: Rule, shown: number): Deciding {
  const ranked = createBest<Ranked>(Math.max(shown, 1), rule.compare)
  const excluded = createBest<Excluded & { message?: string }>(shown, nearestFirst(rule))
  let rankedCount = 0
  let excludedCount = 0
  return {
    add(candidate) {
      const rank = rule.rank(candidate)
      if (isRanked(rank)) {
        rankedCount++
        ranked.add(rank)
      } else {
        excludedCount++
        excluded.add(rank)
      }
    },
    addExcluded(already) {
      excludedCount++
      excluded.add({ ...already, value: null, key: null })
    },
    decision() {
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

// by reason, then as if both could be chosen, then by name
const nearestFirst =
  (rule: Rule) =>
  (a: Excluded, b: Excluded): number =>
    (NEARNESS.get(a.reason) ?? 0) - (NEARNESS.get(b.reason) ?? 0) ||
    (a.key !== null && b.key !== null ? rule.compare(a, b) : compareText(b.tag, a.tag))

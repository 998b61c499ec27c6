import { forEachBounded } from '../../concurrency/bounded.ts'
import { yieldToEventLoop } from '../../concurrency/yielding.ts'
import { formatRepository } from '../../oci/reference.ts'
import { RegistryError } from '../../oci/registry-error.ts'
import { isReferrersTag, type TagName } from '../../oci/tag.ts'
import { beginDeciding, type Deciding, type Decision } from '../../policy/decide.ts'
import { compareNatural } from '../../policy/order.ts'
import { isRanked, NAMES_A_TURN, type Rule, ruleOf } from '../../policy/rule.ts'
import type { ImportTarget } from '../stored-import/import-plan.ts'
import type { TagFailure } from '../stored-import/import-state.ts'
import { type PassedOver, REPORTED } from '../tag/policy-choice.ts'
import { CreationTimes, type CreationTimesDependencies, type Unusable } from './creation-times.ts'
import { isUnanswerable } from './unanswerable.ts'

/**
 * Maximum number of tags whose images one rule reads to choose the newest. Each costs a HEAD, and its image two GETs the
 * first time.
 */
export const MAXIMUM_IMAGES = 500

/** Images that one rule reads at a time. */
const IMAGES_IN_FLIGHT = 32

/** A rule chose no tag of a repository. */
export class NoChoiceError extends Error {
  override readonly name = 'NoChoiceError'
  readonly reason: TagFailure['reason']

  constructor(reason: TagFailure['reason'], message: string) {
    super(message)
    this.reason = reason
  }
}

export interface TagChooserDependencies extends CreationTimesDependencies {
  /** Returns the upstream tag that the rule of a tag last chose and that was imported; null for none. */
  readonly held: (tag: TagName) => TagName | null
  readonly isMissingAgain: (target: ImportTarget) => boolean
}

/** The tag that a rule chose before, and that a list lacks. */
interface Unlisted {
  readonly target: ImportTarget
  readonly tag: TagName
  /** Whether the registry returned the whole list. */
  readonly isComplete: boolean
}

/** Applies the rules of spec tags to the repositories that they choose from, during one import. */
export class TagChooser {
  readonly #dependencies: TagChooserDependencies
  readonly #creationTimes: CreationTimes

  constructor(dependencies: TagChooserDependencies) {
    this.#dependencies = dependencies
    this.#creationTimes = new CreationTimes(dependencies)
  }

  /**
   * Returns the target with the rule's decision. Its `upstream` is the chosen tag, or the rule if it chose none. Tags in
   * `unusable`, which the rule would choose, are passed over; its values say why. Returns a target without a rule unchanged.
   * Throws RegistryError, NoChoiceError.
   */
  async choose(target: ImportTarget, unusable: ReadonlyMap<TagName, Unusable>): Promise<ImportTarget> {
    if (!('policy' in target.upstream)) return target
    const rule = ruleOf(target.upstream.policy)
    const deciding = beginDeciding(rule, REPORTED)
    const candidates: TagName[] = []
    let matched = 0
    const { names, isComplete } = await this.#dependencies.reader.listTags(target)
    let unlisted = this.#dependencies.held(target.tag)
    for (const tag of names) {
      if (++matched % NAMES_A_TURN === 0) await yieldToEventLoop()
      if (isReferrersTag(tag)) continue
      if (tag === unlisted) unlisted = null
      if (unusable.has(tag)) continue
      // a tag that only lacks its time may be chosen when the time is known
      if (needsTime(rule, tag)) candidates.push(tag)
      else deciding.add({ tag, createdAt: null })
    }
    for (const [tag, { reason, message }] of unusable) {
      deciding.addExcluded({ tag, reason: reason === 'ARTIFACT' ? reason : 'NO_IMAGE', message })
    }
    if (unlisted !== null && !unusable.has(unlisted)) {
      if (needsTime(rule, unlisted)) candidates.push(unlisted)
      else await this.#addUnlisted({ target, tag: unlisted, isComplete }, rule, deciding)
    }
    const unread = await this.#addNewest(target, candidates, deciding)
    // a tag that is neither listed nor found by name is gone
    if (unlisted !== null && unread.get(unlisted)?.reason === 'NotFound') unread.delete(unlisted)
    const decision = deciding.decision()
    const { chosen } = decision
    if (chosen === null) return { ...target, decision }
    // an artifact is no fault: the rule chooses images
    const unfit = [...unusable].flatMap(([tag, why]): [TagName, PassedOver][] =>
      why.reason === 'ARTIFACT' ? [] : [[tag, { ...why, reason: why.reason }]],
    )
    const passedOver = explainPassedOver(chosen, [...unfit, ...unread])
    return { ...target, decision, upstream: { tag: chosen }, ...(passedOver && { passedOver }) }
  }

  /**
   * Adds the tag that was chosen before and that the list lacks, unless the registry does not find it by name, or cannot be
   * asked by name and two complete lists lack it: one list that lacks a tag proves nothing. Sends no request for a tag that the rule would not choose.
   */
  async #addUnlisted({ target, tag, isComplete }: Unlisted, rule: Rule, deciding: Deciding): Promise<void> {
    const ranked = rule.rank({ tag, createdAt: null })
    if (!isRanked(ranked)) return
    const { chosen } = deciding.decision()
    const best = chosen === null ? undefined : rule.rank({ tag: chosen, createdAt: null })
    if (best && isRanked(best) && rule.compare(ranked, best) < 0) return
    try {
      await this.#dependencies.reader.resolveTag(target, tag, { known: null, keep: true })
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error
      const isGone =
        error.reason === 'NotFound' ||
        (isComplete && isUnanswerable(error.status) && this.#dependencies.isMissingAgain(target))
      if (!isGone) throw error
      deciding.addExcluded({ tag, reason: 'NO_IMAGE', message: error.message })
      return
    }
    deciding.add({ tag, createdAt: null })
  }

  /** Adds the tags with the creation times of their images. Returns those without an image that can be used, by name. */
  async #addNewest(
    target: ImportTarget,
    candidates: readonly TagName[],
    deciding: Deciding,
  ): Promise<Map<TagName, PassedOver>> {
    if (candidates.length > MAXIMUM_IMAGES) {
      throw new NoChoiceError(
        'TooManyTags',
        `${formatRepository(target.reference)}: choosing the newest requires the images of ${candidates.length} tags, at most ${MAXIMUM_IMAGES} are allowed: use a filter pattern that matches fewer names`,
      )
    }
    const unread = new Map<TagName, PassedOver>()
    await forEachBounded(candidates.values(), IMAGES_IN_FLIGHT, async (tag) => {
      const creation = await this.#creationTimes.of(target, tag)
      if ('message' in creation) {
        unread.set(tag, creation)
        deciding.addExcluded({ tag, reason: 'NO_IMAGE', message: creation.message })
      } else deciding.add({ tag, ...creation })
    })
    return new Map([...unread].sort(([one], [other]) => compareNatural(other, one)))
  }
}

/** Returns the condition of a tag whose rule passed over tags, the first of them the best; null where it passed over none. */
function explainPassedOver(
  chosen: TagName,
  [first, ...others]: readonly (readonly [TagName, PassedOver])[],
): PassedOver | null {
  if (!first) return null
  const [tag, { reason, message }] = first
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`
  return { reason, message: `${chosen} was chosen instead of ${tag}${more}: ${message}` }
}

const needsTime = (rule: Rule, tag: TagName): boolean =>
  rule.policy.order === 'NEWEST' && rule.rank({ tag, createdAt: null }).reason === 'NO_CREATION_TIME'

/** Returns a message that says why a rule chose no tag, with the tag that came nearest. */
export function nothingChosen({ reference }: ImportTarget, { excludedCount, excluded }: Decision): string {
  const repository = formatRepository(reference)
  const [nearest] = excluded
  if (!nearest) return `${repository}: the policy chooses nothing: the repository has no tags to choose from`
  const cause = `${nearest.tag}: ${nearest.message}`
  return excludedCount === 1
    ? `${repository}: the policy does not choose its only tag, ${cause}`
    : `${repository}: the policy chooses none of its ${excludedCount} tags; nearest is ${cause}`
}

import { forEachBounded } from '../../concurrency/bounded.ts'
import { yieldToEventLoop } from '../../concurrency/yielding.ts'
import { InvalidManifestError } from '../../oci/manifest.ts'
import { formatRepository } from '../../oci/reference.ts'
import { RegistryError } from '../../oci/registry-error.ts'
import { isReferrersTag, type TagName } from '../../oci/tag.ts'
import { beginDeciding, type Deciding, type Decision } from '../../policy/decide.ts'
import { type Rule, ruleOf } from '../../policy/rule.ts'
import { type FetchedTagImage, type ImageFetcher, withTagImage } from '../image/fetch-image.ts'
import { createdOf } from '../image/image-columns.ts'
import type { ImportTarget } from '../request/import-plan.ts'
import type { Failure } from '../request/import-rows.ts'
import type { RegistryAnswers } from '../request/registry-answers.ts'
import { REPORTED } from '../tag/policy-choice.ts'

/** Tags whose images one rule looks at, to choose the newest: each costs a HEAD, and its image two GETs once ever. */
export const MAXIMUM_LOOKS = 500

/** Images that one rule looks at at a time. */
const LOOKS_IN_FLIGHT = 32

/** Names that a rule is applied to before everybody else has a turn: a millisecond, or with the worst pattern a hundred. */
const TAGS_A_TURN = 1000

/** A rule over a repository came to nothing. */
export class NoChoiceError extends Error {
  override readonly name = 'NoChoiceError'
  readonly reason: Failure['reason']

  constructor(reason: Failure['reason'], message: string) {
    super(message)
    this.reason = reason
  }
}

export interface ChooserDependencies {
  readonly answers: RegistryAnswers
  readonly fetcher: ImageFetcher
  /** Stores what was only looked at, so that the next import has it. */
  readonly keep: (target: ImportTarget, found: FetchedTagImage) => Promise<void>
}

/** Applies the rules of spec tags to the repositories that they choose from, in the course of one import. */
export class TagChooser {
  readonly #dependencies: ChooserDependencies
  /** By where and what: several rules may look at the same images. */
  readonly #looks = new Map<string, Promise<Look>>()

  constructor(dependencies: ChooserDependencies) {
    this.#dependencies = dependencies
  }

  /**
   * The target with what its rule chose, and why; its `upstream` is the chosen tag, and stays the rule where there is
   * none. A target without a rule is as it was. Throws RegistryError, NoChoiceError.
   */
  async choose(target: ImportTarget): Promise<ImportTarget> {
    if (!('policy' in target.upstream)) return target
    const rule = ruleOf(target.upstream.policy)
    const deciding = beginDeciding(rule, REPORTED)
    const open: TagName[] = []
    let looked = 0
    const { names } = await this.#dependencies.answers.listTags(target)
    for (const tag of names) {
      if (++looked % TAGS_A_TURN === 0) await yieldToEventLoop()
      if (isReferrersTag(tag)) continue
      // what only the time is missing of may be chosen when that is known
      if (needsTime(rule, tag)) open.push(tag)
      else deciding.add({ tag, createdAt: null })
    }
    await this.#addNewest(target, open, deciding)
    const decision = deciding.decision()
    const { chosen } = decision
    return { ...target, decision, ...(chosen !== null && { upstream: { tag: chosen } }) }
  }

  async #addNewest(target: ImportTarget, open: readonly TagName[], deciding: Deciding): Promise<void> {
    if (open.length > MAXIMUM_LOOKS) {
      throw new NoChoiceError(
        'TooManyTags',
        `${formatRepository(target.reference)}: to find the newest, the images of ${open.length} tags would have to be looked at, and ${MAXIMUM_LOOKS} is the most: a filter whose pattern fewer names match lowers that`,
      )
    }
    await forEachBounded(each(open), LOOKS_IN_FLIGHT, async (tag) => {
      const look = await this.#lookOnce(target, tag)
      if ('message' in look) deciding.addExcluded({ tag, reason: 'NO_IMAGE', message: look.message })
      else deciding.add({ tag, createdAt: look.createdAt })
    })
  }

  #lookOnce(target: ImportTarget, tag: TagName): Promise<Look> {
    const { reference, insecure, platform, importMode } = target
    const key = JSON.stringify([formatRepository(reference), insecure, platform, importMode, tag])
    let look = this.#looks.get(key)
    if (!look) {
      look = this.#look(target, tag)
      this.#looks.set(key, look)
    }
    return look
  }

  async #look(target: ImportTarget, tag: TagName): Promise<Look> {
    try {
      return { createdAt: await this.#createdAt(target, tag) }
    } catch (error) {
      // this tag's own fault: the others can be told apart without it
      if (
        error instanceof RegistryError &&
        (error.reason === 'NotFound' || error.reason === 'InvalidManifest')
      ) {
        return { message: error.message }
      }
      if (error instanceof InvalidManifestError) {
        return { message: `its manifest cannot be used: ${error.message}` }
      }
      throw error
    }
  }

  /**
   * Of an index, when its image for the platform was created, in either mode: an index says nothing itself, and its other
   * images would have to be fetched only to ask them.
   */
  async #createdAt(target: ImportTarget, tag: TagName): Promise<number | null> {
    const { answers, fetcher, keep } = this.#dependencies
    const resolved = await answers.resolveTag(target, tag, { known: null, keep: true })
    const repository = answers.repository(target)
    const look = (importMode: ImportTarget['importMode']): Promise<number | null> =>
      withTagImage(
        fetcher,
        { repository, resolved, importMode, platform: target.platform },
        async (found) => {
          await keep(target, found)
          return createdOf(found.image)
        },
      )
    try {
      return await look('Legacy')
    } catch (error) {
      // it may have no image for the platform, and can be imported as a whole all the same
      if (!(error instanceof InvalidManifestError) || target.importMode === 'Legacy') throw error
      return look('PreserveOriginal')
    }
  }
}

/** When the tag's image was created, in milliseconds since 1970, null where it does not say; or why it has none. */
type Look = { readonly createdAt: number | null } | { readonly message: string }

function* each(tags: readonly TagName[]): Generator<TagName, void> {
  yield* tags
}

const needsTime = (rule: Rule, tag: TagName): boolean =>
  rule.policy.order === 'NEWEST' && rule.rank({ tag, createdAt: null }).reason === 'NO_CREATION_TIME'

/** Why a rule chose nothing, for a person: what was there, and what came nearest. */
export function nothingChosen({ reference }: ImportTarget, { excludedCount, excluded }: Decision): string {
  const where = formatRepository(reference)
  const [nearest] = excluded
  if (!nearest) return `${where}: the policy chooses nothing: the repository has no tags to choose from`
  const why = `${nearest.tag}: ${nearest.message}`
  return excludedCount === 1
    ? `${where}: the policy does not choose its only tag, ${why}`
    : `${where}: the policy chooses none of its ${excludedCount} tags; nearest is ${why}`
}

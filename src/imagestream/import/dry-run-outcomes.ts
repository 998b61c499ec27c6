import type { Digest } from '../../oci/digest.ts'
import { pullSpecByDigest } from '../../oci/reference.ts'
import type { TagName } from '../../oci/tag.ts'
import type { Decision } from '../../policy/decide.ts'
import { reindexedPlatforms } from '../image/changed-platforms.ts'
import type { FetchedTagImage } from '../image/fetch-image.ts'
import { isStored } from '../image/image.ts'
import { transientImage } from '../image/image-columns.ts'
import type { ImageStream } from '../spec/spec.ts'
import type { ImportTarget } from '../stored-import/import-plan.ts'
import type {
  ImportResult,
  ImportResultState,
  ResultPage,
  TagFailure,
} from '../stored-import/import-state.ts'
import { sortKeysOf } from '../tag/tag-order.ts'
import { SCANS_APART } from '../watch/tag-list-check.ts'
import type { ImportContext, ImportOutcomes, TagOutcome } from './import-context.ts'

/** Keeps the results of a dry run in memory. */
export class DryRunOutcomes implements ImportOutcomes {
  readonly alreadyImported: ReadonlySet<TagName> = new Set()
  readonly results: ImportResult[] = []
  /** Decisions of rules. */
  readonly decisions = new Map<TagName, Decision>()
  readonly #context: ImportContext
  /** Which need not be stored. */
  readonly stream: ImageStream

  constructor(context: ImportContext, stream: ImageStream) {
    this.#context = context
    this.stream = stream
  }

  selected(): void {}

  isMissingAgain({ tag }: ImportTarget): boolean {
    const { choices, now } = this.#context
    const since = choices.missingSince(this.stream.id, tag)
    return since !== null && now() >= since + SCANS_APART
  }

  unchanged(target: ImportTarget): void {
    this.#keepDecision(target)
    const known = this.#context.tags.imported(this.stream.id, target.tag)
    const { imageId = null, dockerImageReference = null } = known ?? {}
    this.results.push({ ...resultOf(target.tag, 'UNCHANGED'), imageId, dockerImageReference })
  }

  async found(
    target: ImportTarget,
    { image, index }: FetchedTagImage,
    upstreamDigest: Digest,
  ): Promise<TagOutcome> {
    this.#keepDecision(target)
    const { images, tags } = this.#context
    const dockerImageReference = pullSpecByDigest(target.reference, image.digest)
    const current = tags.imported(this.stream.id, target.tag)
    const stored = isStored(image) ? image : images.confirmed(this.stream.namespace, image.digest)
    const state = stored && current?.imageId === stored.id ? 'UNCHANGED' : 'IMPORTED'
    const before = current?.upstreamDigest ?? upstreamDigest
    const to = index && !isStored(index) ? index.manifest : upstreamDigest
    const isReindexed = state === 'UNCHANGED' && before !== upstreamDigest
    this.results.push({
      ...resultOf(target.tag, state),
      dockerImageReference,
      imageId: stored?.id ?? null,
      previousImageId: current?.imageId ?? null,
      ...(isReindexed && { reindexed: reindexedPlatforms(images, before, to) }),
      ...(!stored && !isStored(image) && { image: transientImage(image, dockerImageReference) }),
    })
    return { state }
  }

  async failed(target: ImportTarget, failure: TagFailure): Promise<TagFailure> {
    this.#keepDecision(target)
    const { reason, message } = failure
    this.results.push({ ...resultOf(target.tag, 'FAILED'), reason, message })
    return failure
  }

  async fetched(): Promise<void> {}

  #keepDecision({ tag, decision }: ImportTarget): void {
    if (decision) this.decisions.set(tag, decision)
  }

  finish(): void {
    this.results.sort((a, b) => (a.importance < b.importance ? -1 : 1))
  }

  /** Returns a page of results, as `ImportRows.results` does for a stored import. */
  page({ tag, state, page: { limit, after, before, fromEnd } }: ResultPage): ImportResult[] {
    const [first = ''] = (after ?? []) as string[]
    const [last] = (before ?? []) as string[]
    const matching = this.results.filter(
      (result) =>
        (!tag || result.tag === tag) &&
        (!state || result.state === state) &&
        result.importance > first &&
        (last === undefined || result.importance < last),
    )
    return fromEnd ? matching.slice(-limit - 1) : matching.slice(0, limit + 1)
  }
}

const resultOf = (tag: TagName, state: ImportResultState): ImportResult => ({
  tag,
  importance: sortKeysOf(tag).importance,
  state,
  imageId: null,
  dockerImageReference: null,
  reason: null,
  message: null,
  eventId: null,
})

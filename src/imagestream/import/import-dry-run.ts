import type { Digest } from '../../oci/digest.ts'
import { pullSpecByDigest } from '../../oci/reference.ts'
import type { TagName } from '../../oci/tag.ts'
import type { Decision } from '../../policy/decide.ts'
import type { FetchedTagImage } from '../image/fetch-image.ts'
import { isStored } from '../image/image.ts'
import { transientImage } from '../image/image-columns.ts'
import type { ImportTarget, Listing } from '../request/import-plan.ts'
import type { Failure, ImportResult, ImportResultState, ResultListing } from '../request/import-rows.ts'
import type { RegistryAnswers } from '../request/registry-answers.ts'
import type { ImageStream } from '../spec/spec.ts'
import { sortKeysOf } from '../tag/tag-order.ts'
import { type Look, limited, NOTHING_SEEN } from '../watch/look.ts'
import { type ImportOutcomes, type Outcome, reindexedBy, type Stores } from './import-outcomes.ts'

type DryRunStores = Pick<Stores, 'images' | 'tags' | 'maximumTags'>

/** Everything is fetched and reported, nothing is stored. */
export class DryRunOutcomes implements ImportOutcomes {
  readonly alreadyImported: ReadonlySet<TagName> = new Set()
  readonly results: ImportResult[] = []
  /** What rules chose. */
  readonly decisions = new Map<TagName, Decision>()
  readonly #stores: DryRunStores
  readonly #stream: ImageStream

  constructor(stores: DryRunStores, stream: ImageStream) {
    this.#stores = stores
    this.#stream = stream
  }

  /** All that the registry itself lists: what a vendor's listing would spare is what is to be reported. */
  async look(listing: Listing, answers: RegistryAnswers): Promise<Look> {
    const { names } = await answers.listTags(listing)
    return { ...NOTHING_SEEN, ...limited(listing, names, this.#stores.maximumTags) }
  }

  unchanged(target: ImportTarget): void {
    this.#note(target)
    const tag = this.#stores.tags.named([this.#stream.id], target.tag)[0]
    this.results.push({
      ...resultOf(target.tag, 'UNCHANGED'),
      imageId: tag?.image?.id ?? null,
      dockerImageReference: tag?.dockerImageReference ?? null,
    })
  }

  async found(
    target: ImportTarget,
    { image, index }: FetchedTagImage,
    upstreamDigest: Digest,
  ): Promise<Outcome> {
    this.#note(target)
    const dockerImageReference = pullSpecByDigest(target.reference, image.digest)
    const now = this.#stores.tags.imported(this.#stream.id, target.tag)
    const known = isStored(image) ? image : this.#stores.images.byDigest(image.digest)
    const state = known && now?.imageId === known.id ? 'UNCHANGED' : 'IMPORTED'
    const before = now?.upstreamDigest ?? upstreamDigest
    this.results.push({
      ...resultOf(target.tag, state),
      dockerImageReference,
      imageId: known?.id ?? null,
      previousImageId: now?.imageId ?? null,
      ...(state === 'UNCHANGED' &&
        before !== upstreamDigest && {
          reindexed: reindexedBy(
            this.#stores.images,
            before,
            index && !isStored(index) ? index.manifest : upstreamDigest,
          ),
        }),
      ...(!known && !isStored(image) && { image: transientImage(image, dockerImageReference) }),
    })
    return { state }
  }

  async failed(target: ImportTarget, failure: Failure): Promise<Failure> {
    this.#note(target)
    const { reason, message } = failure
    this.results.push({ ...resultOf(target.tag, 'FAILED'), reason, message })
    return failure
  }

  async lookedAt(): Promise<void> {}

  #note({ tag, decision }: ImportTarget): void {
    if (decision) this.decisions.set(tag, decision)
  }

  finish(): void {
    this.results.sort((a, b) => (a.importance < b.importance ? -1 : 1))
  }

  /** As a stored import's results are read. */
  page({ state, page: { limit, after, before, fromEnd } }: ResultListing): ImportResult[] {
    const [first = ''] = (after ?? []) as string[]
    const [last] = (before ?? []) as string[]
    const matching = this.results.filter(
      (result) =>
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

import type { Database } from '../db/open.ts'
import type { Transaction } from '../db/transact.ts'
import type { Digest } from '../oci/digest.ts'
import { pullSpecByDigest } from '../oci/reference.ts'
import type { TagName } from '../oci/tag.ts'
import type { TagImage } from './fetch-image.ts'
import { type Images, isStored, transientImage } from './image.ts'
import type { ImportTarget } from './import-plan.ts'
import type {
  Failure,
  Import,
  ImportResult,
  ImportResultState,
  ImportRows,
  ResultListing,
} from './import-rows.ts'
import type { TagRecorder } from './record.ts'
import type { ImageStream } from './spec.ts'
import type { Streams } from './stream.ts'
import type { Tags } from './tag.ts'
import { sortKeysOf } from './tag-order.ts'

/** What a target came to. */
export type Outcome = { readonly state: 'IMPORTED' | 'UNCHANGED' } | ({ readonly state: 'FAILED' } & Failure)

/** Where an import puts what it finds out: into the stream, or for a dry run nowhere but its own results. */
export interface ImportOutcomes {
  /** Tags that this import brought in before the server was restarted. */
  readonly alreadyImported: ReadonlySet<TagName>
  /** The registry still says what it said when this event was recorded. */
  unchanged(target: ImportTarget, tagEventId: number): void
  found(target: ImportTarget, found: TagImage, upstreamDigest: Digest): Promise<Outcome>
  failed(target: ImportTarget, failure: Failure): Promise<void>
  finish(finished: Import): void
}

interface Stores {
  readonly db: Database
  readonly images: Images
  readonly streams: Streams
  readonly tags: Tags
  readonly recorder: TagRecorder
  readonly rows: ImportRows
  /** Runs in the transaction that ends a stored import. */
  readonly onFinished?: ((tx: Transaction, stream: ImageStream, finished: Import) => void) | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Each tag with its image, event, condition and push in one transaction. */
export class StoredOutcomes implements ImportOutcomes {
  readonly alreadyImported: ReadonlySet<TagName>
  /** Tag events of the unchanged tags: their results, until the import is finished. */
  readonly unchangedEvents: number[] = []
  readonly #stores: Stores
  readonly #importId: number
  readonly #stream: ImageStream

  constructor(stores: Stores, importId: number, stream: ImageStream) {
    this.#stores = stores
    this.#importId = importId
    this.#stream = stream
    this.alreadyImported = new Set(stores.rows.importedTags(importId))
  }

  unchanged(_target: ImportTarget, tagEventId: number): void {
    this.unchangedEvents.push(tagEventId)
  }

  async found(target: ImportTarget, { image, index }: TagImage, upstreamDigest: Digest): Promise<Outcome> {
    const { db, images, recorder, rows, now } = this.#stores
    const recorded = await db.transactTogether((tx) => {
      if (!this.#isStillWanted(target)) {
        rows.saveFailure(tx, this.#importId, target.tag, SUPERSEDED)
        return undefined
      }
      const pullSpec = (digest: Digest): string => pullSpecByDigest(target.reference, digest)
      if (index) images.store(tx, index, pullSpec)
      const imageId = images.store(tx, image, pullSpec)
      return recorder.recordTagEvent(tx, this.#address(target), {
        imageId,
        dockerImageReference: pullSpec(image.digest),
        generation: target.generation,
        source: 'IMPORT',
        importId: this.#importId,
        upstreamDigest,
        at: now(),
      })
    })
    if (!recorded) return { state: 'FAILED', ...SUPERSEDED }
    if (recorded.pushed) return { state: 'IMPORTED' }
    this.unchangedEvents.push(recorded.tagEventId)
    return { state: 'UNCHANGED' }
  }

  failed(target: ImportTarget, failure: Failure): Promise<void> {
    const { db, recorder, rows, tags, now } = this.#stores
    return db.transactTogether((tx) => {
      rows.saveFailure(tx, this.#importId, target.tag, failure)
      if (failure.reason === 'Superseded' || !this.#isStillWanted(target)) return
      // listed a moment ago and gone before it was ever read: no tag to hang a condition on
      const vanished = failure.reason === 'NotFound' && !target.specTag
      if (vanished && !tags.imported(this.#stream.id, target.tag)) return
      recorder.recordImportFailure(tx, this.#address(target), {
        reason: failure.reason,
        message: failure.message,
        generation: target.generation,
        at: now(),
      })
    })
  }

  finish(finished: Import): void {
    const { db, rows, streams, now, onFinished } = this.#stores
    db.transact((tx) => {
      rows.finish(tx, finished, this.unchangedEvents)
      const at = now()
      streams.recordCheck(tx, this.#stream.id, {
        text: (finished.state === 'FAILED' && finished.message) || new Date(at).toISOString(),
        wholeAt: finished.state === 'SUCCEEDED' ? at : null,
      })
      onFinished?.(tx, this.#stream, finished)
    })
  }

  #address({ tag }: ImportTarget) {
    return {
      streamId: this.#stream.id,
      namespace: this.#stream.namespace,
      streamName: this.#stream.name,
      tag,
    }
  }

  /** The spec may have changed, or the stream gone, while the registry was answering. */
  #isStillWanted({ tag, specTag, generation }: ImportTarget): boolean {
    const wanted = this.#stores.streams.generations(this.#stream.id, tag)
    if (specTag) return wanted?.specTag === generation
    return wanted?.specTag === null && wanted.repository === generation
  }
}

/** Everything is fetched and reported, nothing is stored. */
export class DryRunOutcomes implements ImportOutcomes {
  readonly alreadyImported: ReadonlySet<TagName> = new Set()
  readonly results: ImportResult[] = []
  readonly #stores: Pick<Stores, 'images' | 'tags'>
  readonly #stream: ImageStream

  constructor(stores: Pick<Stores, 'images' | 'tags'>, stream: ImageStream) {
    this.#stores = stores
    this.#stream = stream
  }

  unchanged(target: ImportTarget): void {
    const tag = this.#stores.tags.named([this.#stream.id], target.tag)[0]
    this.results.push({
      ...resultOf(target.tag, 'UNCHANGED'),
      imageId: tag?.image?.id ?? null,
      dockerImageReference: tag?.dockerImageReference ?? null,
    })
  }

  async found(target: ImportTarget, { image }: TagImage): Promise<Outcome> {
    const dockerImageReference = pullSpecByDigest(target.reference, image.digest)
    const now = this.#stores.tags.imported(this.#stream.id, target.tag)
    const known = isStored(image) ? image : this.#stores.images.byDigest(image.digest)
    const state = known && now?.imageId === known.id ? 'UNCHANGED' : 'IMPORTED'
    this.results.push({
      ...resultOf(target.tag, state),
      dockerImageReference,
      imageId: known?.id ?? null,
      ...(!known && !isStored(image) && { image: transientImage(image, dockerImageReference) }),
    })
    return { state }
  }

  async failed(target: ImportTarget, { reason, message }: Failure): Promise<void> {
    this.results.push({ ...resultOf(target.tag, 'FAILED'), reason, message })
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

const SUPERSEDED: Failure = {
  reason: 'Superseded',
  message:
    'the spec changed while the registry was asked; the import that the change began has the newer state',
}

const resultOf = (tag: TagName, state: ImportResultState): ImportResult => ({
  tag,
  importance: sortKeysOf(tag).importance,
  state,
  imageId: null,
  dockerImageReference: null,
  reason: null,
  message: null,
})

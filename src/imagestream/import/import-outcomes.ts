import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Manifest } from '../../oci/manifest.ts'
import { pullSpecByDigest } from '../../oci/reference.ts'
import type { TagName } from '../../oci/tag.ts'
import { reindexedPlatforms } from '../image/changed-platforms.ts'
import type { FetchedTagImage } from '../image/fetch-image.ts'
import { isStored } from '../image/image.ts'
import type { Images } from '../image/images.ts'
import type { ImportRequest, ImportTarget, Listing } from '../request/import-plan.ts'
import type { Failure, Import, ImportRows } from '../request/import-rows.ts'
import type { RegistryAnswers } from '../request/registry-answers.ts'
import type { ImageStream } from '../spec/spec.ts'
import type { Streams } from '../stream/stream.ts'
import type { PolicyChoices } from '../tag/policy-choice.ts'
import type { TagRecorder } from '../tag/record.ts'
import type { Tags } from '../tag/tag.ts'
import type { Look } from '../watch/look.ts'
import { RepositoryWatch, type WatchStores } from '../watch/watch-repository.ts'

/** What a target came to. */
export type Outcome = { readonly state: 'IMPORTED' | 'UNCHANGED' } | ({ readonly state: 'FAILED' } & Failure)

/** Where an import puts what it finds out: into the stream, or for a dry run nowhere but its own results. */
export interface ImportOutcomes {
  /** Tags that this import brought in before the server was restarted. */
  readonly alreadyImported: ReadonlySet<TagName>
  /**
   * What is to be done about the stream's repository; what needs no more doing is noted already. Throws RegistryError, or
   * the signal's reason once it is aborted.
   */
  look(listing: Listing, answers: RegistryAnswers, signal: AbortSignal): Promise<Look>
  /** The registry still says what it said when this event was recorded. */
  unchanged(target: ImportTarget, tagEventId: number): void
  found(target: ImportTarget, found: FetchedTagImage, upstreamDigest: Digest): Promise<Outcome>
  /** Returns what there is to say of it, which may be more than what the registry answered. */
  failed(target: ImportTarget, failure: Failure): Promise<Failure>
  /** An image that a rule had to look at. */
  lookedAt(target: ImportTarget, found: FetchedTagImage): Promise<void>
  /** `isWhole`: it came to every tag. */
  finish(finished: Import, isWhole: boolean): void
}

export interface Stores extends WatchStores {
  readonly db: Database
  readonly images: Images
  readonly streams: Streams
  readonly tags: Tags
  readonly recorder: TagRecorder
  readonly rows: ImportRows
  readonly choices: PolicyChoices
  /** Runs in the transaction that ends a stored import. */
  readonly onFinished?: ((tx: Transaction, stream: ImageStream, finished: Import) => void) | undefined
}

/** Each tag with its image, event, condition and push in one transaction. */
export class StoredOutcomes implements ImportOutcomes {
  readonly alreadyImported: ReadonlySet<TagName>
  /** Tag events of the unchanged tags: their results, until the import is finished. */
  readonly unchangedEvents: number[] = []
  readonly reindexedEvents = new Map<number, string | null>()
  readonly #stores: Stores
  readonly #importId: number
  readonly #stream: ImageStream
  readonly #request: ImportRequest
  #watch: RepositoryWatch | undefined
  /** Unchanged tags whose rule was applied. */
  readonly #chosenAgain: ImportTarget[] = []

  constructor(
    stores: Stores,
    { id, stream, request }: { id: number; stream: ImageStream; request: ImportRequest },
  ) {
    this.#stores = stores
    this.#importId = id
    this.#stream = stream
    this.#request = request
    this.alreadyImported = new Set(stores.rows.importedTags(id))
  }

  async look(listing: Listing, answers: RegistryAnswers, signal: AbortSignal): Promise<Look> {
    const { db, rows } = this.#stores
    const watched = {
      importId: this.#importId,
      stream: this.#stream,
      request: this.#request,
      alreadyImported: this.alreadyImported,
    }
    this.#watch = new RepositoryWatch(this.#stores, watched, listing)
    const look = await this.#watch.look(listing, answers, signal)
    for (const event of look.unchangedEvents) this.unchangedEvents.push(event)
    if (look.stillFailing.length > 0) {
      db.transact((tx) => {
        for (const failure of look.stillFailing) rows.saveFailure(tx, this.#importId, failure.name, failure)
      })
    }
    return look
  }

  unchanged(target: ImportTarget, tagEventId: number): void {
    this.unchangedEvents.push(tagEventId)
    if (target.decision) this.#chosenAgain.push(target)
  }

  async found(
    target: ImportTarget,
    { image, index }: FetchedTagImage,
    upstreamDigest: Digest,
  ): Promise<Outcome> {
    const { db, images, recorder, rows, tags, now } = this.#stores
    const recorded = await db.transactTogether((tx) => {
      if (!this.#isStillWanted(target)) {
        rows.saveFailure(tx, this.#importId, target.tag, SUPERSEDED)
        return undefined
      }
      this.#recordChoice(tx, target)
      const pullSpec = (digest: Digest): string => pullSpecByDigest(target.reference, digest)
      if (index) images.store(tx, index, pullSpec)
      const imageId = images.store(tx, image, pullSpec)
      const before = tags.imported(this.#stream.id, target.tag)
      const recorded = recorder.recordTagEvent(tx, this.#address(target), {
        imageId,
        dockerImageReference: pullSpec(image.digest),
        generation: target.generation,
        source: 'IMPORT',
        importId: this.#importId,
        upstreamDigest,
        at: now(),
      })
      return { ...recorded, before: before?.upstreamDigest ?? upstreamDigest }
    })
    if (!recorded) return { state: 'FAILED', ...SUPERSEDED }
    if (recorded.pushed) return { state: 'IMPORTED' }
    this.unchangedEvents.push(recorded.tagEventId)
    if (recorded.before !== upstreamDigest) {
      this.reindexedEvents.set(recorded.tagEventId, reindexedBy(images, recorded.before, upstreamDigest))
    }
    return { state: 'UNCHANGED' }
  }

  failed(target: ImportTarget, failure: Failure): Promise<Failure> {
    const { db, rows } = this.#stores
    return db.transactTogether((tx) => {
      const isWanted = failure.reason !== 'Superseded' && this.#isStillWanted(target)
      const found =
        isWanted && target.isUnlisted && this.#watch ? this.#watch.absent(tx, target.tag, failure) : failure
      rows.saveFailure(tx, this.#importId, target.tag, found)
      if (isWanted) this.#recordFailure(tx, target, found)
      return found
    })
  }

  #recordFailure(tx: Transaction, target: ImportTarget, { reason, message }: Failure): void {
    const { recorder, tags, now } = this.#stores
    if (reason === 'Superseded') return
    this.#recordChoice(tx, target)
    // listed a moment ago and gone before it was ever read: no tag to hang a condition on
    const vanished = reason === 'NotFound' && !target.specTag && !target.isUnlisted
    if (vanished && !tags.imported(this.#stream.id, target.tag)) return
    recorder.recordImportFailure(tx, this.#address(target), {
      reason,
      message,
      generation: target.generation,
      at: now(),
    })
  }

  async lookedAt({ reference }: ImportTarget, { image, index }: FetchedTagImage): Promise<void> {
    const { db, images } = this.#stores
    const fetched = [index, image].filter((one) => one !== null).filter((one) => !isStored(one))
    if (fetched.length === 0) return
    await db.transactTogether((tx) => {
      for (const one of fetched) images.store(tx, one, (digest) => pullSpecByDigest(reference, digest))
    })
  }

  finish(finished: Import, isWhole: boolean): void {
    const { db, rows, streams, now, onFinished } = this.#stores
    db.transact((tx) => {
      rows.finish(tx, finished, this)
      this.#watch?.finish(tx, isWhole)
      for (const target of this.#chosenAgain) if (this.#isStillWanted(target)) this.#recordChoice(tx, target)
      const at = now()
      streams.recordCheck(tx, this.#stream.id, {
        text: (finished.state === 'FAILED' && finished.message) || new Date(at).toISOString(),
        wholeAt: finished.state === 'SUCCEEDED' ? at : null,
      })
      onFinished?.(tx, this.#stream, finished)
    })
  }

  #recordChoice(tx: Transaction, { tag, decision }: ImportTarget): void {
    const { choices, now } = this.#stores
    if (decision) {
      choices.recordChoice(tx, { streamId: this.#stream.id, tag }, { ...decision, decidedAt: now() })
    }
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

const SUPERSEDED: Failure = {
  reason: 'Superseded',
  message:
    'the spec changed while the registry was asked; the import that the change began has the newer state',
}

/** What changed between two indexes of which the same image was taken, as far as they are stored. */
export const reindexedBy = (images: Images, from: Digest, to: Digest | Manifest): string | null =>
  reindexedPlatforms(
    images.storedManifest(from)?.manifest,
    typeof to === 'string' ? images.storedManifest(to)?.manifest : to,
  )

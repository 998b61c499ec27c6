import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import type { Digest } from '../../oci/digest.ts'
import { pullSpecByDigest } from '../../oci/reference.ts'
import type { FetchedTagImage } from '../image/fetch-image.ts'
import type { Images } from '../image/images.ts'
import type { ImportTarget } from '../request/import-plan.ts'
import type { ImportRows } from '../request/import-rows.ts'
import type { Import, TagFailure } from '../request/import-state.ts'
import type { ImageStream } from '../spec/spec.ts'
import type { Streams } from '../stream/stream.ts'
import type { PolicyChoices } from '../tag/policy-choice.ts'
import type { TagRecorder } from '../tag/record.ts'
import type { Tags } from '../tag/tag.ts'
import type { TagAddress } from '../tag/tag-change.ts'

/** The stores that the results of an import are written to. */
export interface OutcomeStores {
  readonly db: Database
  readonly rows: ImportRows
  readonly images: Images
  readonly streams: Streams
  readonly tags: Tags
  readonly recorder: TagRecorder
  readonly choices: PolicyChoices
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Runs in the transaction that ends a stored import. */
  readonly onFinished?: ((tx: Transaction, stream: ImageStream, finished: Import) => void) | undefined
}

/** Records the results of one import's targets in the tags of its stream. */
export class TargetRecorder {
  readonly #stores: OutcomeStores
  readonly #importId: number
  readonly #stream: ImageStream

  constructor(stores: OutcomeStores, { id, stream }: { id: number; stream: ImageStream }) {
    this.#stores = stores
    this.#importId = id
    this.#stream = stream
  }

  /** Records the image as the one that the tag points to. */
  record(
    tx: Transaction,
    target: ImportTarget,
    { image, index, upstreamDigest }: FetchedTagImage & { readonly upstreamDigest: Digest },
  ) {
    const { images, recorder, tags, now } = this.#stores
    this.recordChoice(tx, target)
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
  }

  /** Records the failure as the condition of the tag. */
  recordFailure(tx: Transaction, target: ImportTarget, { reason, message }: TagFailure): void {
    const { recorder, tags, now } = this.#stores
    if (reason === 'Superseded') return
    this.recordChoice(tx, target)
    // listed, and deleted upstream before it was ever read: the stream has no tag for a condition
    const vanished = reason === 'NotFound' && !target.specTag && !target.isUnlisted
    if (vanished && !tags.imported(this.#stream.id, target.tag)) return
    recorder.recordImportFailure(tx, this.#address(target), {
      reason,
      message,
      generation: target.generation,
      at: now(),
    })
  }

  /** Records the decision of the target's rule, if it has one. */
  recordChoice(tx: Transaction, { tag, decision }: ImportTarget): void {
    const { choices, now } = this.#stores
    if (decision) {
      choices.recordChoice(tx, { streamId: this.#stream.id, tag }, { ...decision, decidedAt: now() })
    }
  }

  #address({ tag }: ImportTarget): TagAddress {
    const { id: streamId, namespace, name: streamName } = this.#stream
    return { streamId, namespace, streamName, tag }
  }

  /** Reports whether the spec is the one that the target was planned by; the stream may also have been deleted. */
  isStillWanted({ tag, specTag, generation }: ImportTarget): boolean {
    const wanted = this.#stores.streams.generations(this.#stream.id, tag)
    if (specTag) return wanted?.specTag === generation
    return wanted?.specTag === null && wanted.repository === generation
  }
}

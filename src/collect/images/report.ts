import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'
import { PlanList } from '../kept/plan-list.ts'
import { type ImageKeptReason, noImagesKept } from '../kept/reasons.ts'

/** An entry of a tag's history. */
export interface PrunedEvent {
  readonly id: number
  readonly tagId: number
  readonly namespace: string
  readonly imageStreamName: string
  readonly tag: TagName
  readonly dockerImageReference: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
}

/** An image in a report. */
export interface PrunedImage {
  readonly id: number
  readonly digest: Digest
  /** Bytes of its manifest. */
  readonly size: number
}

export interface KeptImage extends PrunedImage {
  readonly reason: ImageKeptReason
}

/** What a prune removes, or would remove, beside the lists. */
export interface PruneTotals {
  /** Number of removed entries of histories. */
  readonly events: number
  /** Number of deleted streams that can no longer be restored. */
  readonly streams: number
  /** Number of removed images. */
  readonly images: number
  /** Number of kept images by reason. */
  readonly reasons: Readonly<Record<ImageKeptReason, number>>
  /** Number of removed configs, which no remaining image has. */
  readonly configs: number
  /** Bytes of removed manifests and configs: the database reuses the space. */
  readonly freedBytes: number
  /** Number of manifests in repositories of the integrated registry that their stream's history no longer has. */
  readonly repositoryManifests: number
}

/** What a prune or its plan reports, and while it runs, what it has found so far. */
export class PruneReport {
  /** Removed entries of histories, by tag id and id. */
  readonly events = new PlanList<PrunedEvent>({ keyOf: ({ tagId, id }) => [tagId, id], isOrdered: true })
  /** Removed images, by id. Children come after their indexes, whatever their ids are. */
  readonly images = new PlanList<PrunedImage>({ keyOf: ({ id }) => [id], isOrdered: false })
  /** Kept images, by id. */
  readonly kept = new PlanList<KeptImage>({ keyOf: ({ id }) => [id], isOrdered: false })
  readonly #reasons = noImagesKept()
  #hasTotals = false
  #streams = 0
  #configs = 0
  #freedBytes = 0
  #repositoryManifests = 0

  /** Requests all totals, before the run. */
  requestTotals(): void {
    this.#hasTotals = true
    this.events.count()
  }

  get hasTotals(): boolean {
    return this.#hasTotals
  }

  /** Whether something was requested that is known only after all images were read. */
  get needsImages(): boolean {
    return this.#hasTotals || this.images.isRequested || this.kept.isRequested
  }

  addEvent(event: PrunedEvent): void {
    this.events.add(event)
  }

  addRemoved({ id, digest, size }: PrunedImage): void {
    this.images.add({ id, digest, size })
    this.#freedBytes += size
  }

  addKept({ id, digest, size }: PrunedImage, reason: ImageKeptReason): void {
    this.kept.add({ id, digest, size, reason })
    this.#reasons[reason]++
  }

  /** Adds a removed config of so many bytes; does nothing for undefined. */
  addConfig(bytes: number | undefined): void {
    if (bytes === undefined) return
    this.#configs++
    this.#freedBytes += bytes
  }

  addStreams(count: number): void {
    this.#streams += count
  }

  addRepositoryManifests(count: number): void {
    this.#repositoryManifests += count
  }

  /** Returns the totals; they are complete if they were requested and the run has finished. */
  totals(): PruneTotals {
    return {
      events: this.events.total,
      streams: this.#streams,
      images: this.images.total,
      reasons: this.#reasons,
      configs: this.#configs,
      freedBytes: this.#freedBytes,
      repositoryManifests: this.#repositoryManifests,
    }
  }
}

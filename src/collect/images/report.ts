import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'
import { GrowingPlanList, type PlanList } from '../kept/plan-list.ts'
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
  readonly keptBecause: ImageKeptReason
}

/** Position in a list of events, which is sorted by the tag's id, then the event's id. */
export type EventPosition = Pick<PrunedEvent, 'tagId' | 'id'>

/** The page of each list of a report. */
export interface PruneListing {
  /** Maximum number of items of each list; default 50. */
  readonly limit?: number
  /** Last item of the previous page of each list; of images the id. */
  readonly after?: {
    readonly events?: EventPosition | undefined
    readonly images?: number | undefined
    readonly kept?: number | undefined
  }
}

/** What a prune removes, or would remove, and what it keeps. */
export interface PruneReport {
  readonly events: PlanList<PrunedEvent>
  /** Number of deleted streams that can no longer be restored. */
  readonly streams: number
  /** Removed images, by id. */
  readonly images: PlanList<PrunedImage>
  /** Kept images, by id. */
  readonly kept: PlanList<KeptImage>
  /** Number of kept images by reason. */
  readonly reasons: Readonly<Record<ImageKeptReason, number>>
  /** Number of removed configs, which no remaining image has. */
  readonly configs: number
  /** Bytes of removed manifests and configs: the database reuses the space. */
  readonly bytes: number
  /** Number of manifests in repositories of the integrated registry that their stream's history no longer has. */
  readonly repositoryManifests: number
}

const DEFAULT_LIMIT = 50

/** The report of a running prune. */
export class GrowingPruneReport {
  readonly #events: GrowingPlanList<PrunedEvent>
  readonly #images: GrowingPlanList<PrunedImage>
  readonly #kept: GrowingPlanList<KeptImage>
  readonly #reasons = noImagesKept()
  #streams = 0
  #configs = 0
  #bytes = 0
  #repositoryManifests = 0

  constructor({ limit = DEFAULT_LIMIT, after = {} }: PruneListing) {
    const { events, images = 0, kept = 0 } = after
    this.#events = new GrowingPlanList<PrunedEvent>({
      limit,
      isAfter: (event) => !events || byPosition(event, events) > 0,
    })
    // sorted, because children come after their indexes
    this.#images = new GrowingPlanList<PrunedImage>({
      limit,
      compare: byId,
      isAfter: ({ id }) => id > images,
    })
    this.#kept = new GrowingPlanList<KeptImage>({ limit, compare: byId, isAfter: ({ id }) => id > kept })
  }

  addEvent(event: PrunedEvent): void {
    this.#events.add(event)
  }

  addRemoved({ id, digest, size }: PrunedImage): void {
    this.#images.add({ id, digest, size })
    this.#bytes += size
  }

  addKept({ id, digest, size }: PrunedImage, keptBecause: ImageKeptReason): void {
    this.#kept.add({ id, digest, size, keptBecause })
    this.#reasons[keptBecause]++
  }

  /** Adds a removed config of so many bytes; does nothing for undefined. */
  addConfig(bytes: number | undefined): void {
    if (bytes === undefined) return
    this.#configs++
    this.#bytes += bytes
  }

  addStreams(count: number): void {
    this.#streams += count
  }

  addRepositoryManifests(count: number): void {
    this.#repositoryManifests += count
  }

  finished(): PruneReport {
    return {
      events: this.#events.finished(),
      streams: this.#streams,
      images: this.#images.finished(),
      kept: this.#kept.finished(),
      reasons: this.#reasons,
      configs: this.#configs,
      bytes: this.#bytes,
      repositoryManifests: this.#repositoryManifests,
    }
  }
}

const byId = (one: PrunedImage, other: PrunedImage): number => one.id - other.id
const byPosition = (one: EventPosition, other: EventPosition): number =>
  one.tagId - other.tagId || one.id - other.id

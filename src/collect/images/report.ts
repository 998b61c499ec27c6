import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'

/** Why an image stays; the first that holds. */
export type KeptReason =
  /** A tag means it now. */
  | 'TAGGED'
  /** An entry of a tag's history that stays has it. */
  | 'IN_HISTORY'
  /** A repository of the integrated registry has its manifest. */
  | 'IN_REPOSITORY'
  /** The push log tells of it, as the new image or as the one before. */
  | 'IN_PUSH_LOG'
  /** It is younger than what may go. */
  | 'YOUNG'
  /** An index that stays has it. */
  | 'CHILD'
  /** The index that a tag's image was chosen from. */
  | 'CHOSEN_FROM'

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

export interface PrunedImage {
  readonly id: number
  readonly digest: Digest
  /** Bytes of its manifest. */
  readonly size: number
}

export interface KeptImage extends PrunedImage {
  readonly keptBecause: KeptReason
}

/** Part of a list, and of how many it is a part. */
export interface PruneList<Item> {
  readonly total: number
  readonly items: readonly Item[]
}

/** Where a list of events goes on: they are in the order of their tag's id, then of their own. */
export type EventPosition = Pick<PrunedEvent, 'tagId' | 'id'>

export interface PruneListing {
  /** Items of each list; 50 unless given. The sums are of all. */
  readonly limit?: number
  /** Only items behind these: of images the id. */
  readonly after?: {
    readonly events?: EventPosition | undefined
    readonly images?: number | undefined
    readonly kept?: number | undefined
  }
}

/** What goes, or went, and why what stays does. */
export interface PruneReport {
  readonly events: PruneList<PrunedEvent>
  /** By id. */
  readonly images: PruneList<PrunedImage>
  /** By id. */
  readonly kept: PruneList<KeptImage>
  /** How many images stay for which reason. */
  readonly reasons: Readonly<Record<KeptReason, number>>
  /** Configs that no image names any more. */
  readonly configs: number
  /** Bytes of manifests and configs: the database has them free for what comes next. */
  readonly bytes: number
  /** Manifests in repositories of the integrated registry that their stream's history names no more. */
  readonly repositoryManifests: number
}

const DEFAULT_LIMIT = 50

/** Counts all, and holds the first few behind a position. */
export class FirstOf<Item> implements PruneList<Item> {
  total = 0
  #items: Item[] = []
  readonly #limit: number
  readonly #order: (one: Item, other: Item) => number
  readonly #isWanted: (item: Item) => boolean

  constructor(
    limit: number | undefined,
    order: (one: Item, other: Item) => number,
    isWanted: (item: Item) => boolean,
  ) {
    this.#limit = limit ?? DEFAULT_LIMIT
    this.#order = order
    this.#isWanted = isWanted
  }

  add(item: Item): void {
    this.total++
    if (!this.#isWanted(item)) return
    this.#items.push(item)
    // children come behind their indexes: put in order now and then, so that no more is held than twice the page
    if (this.#items.length >= 2 * this.#limit) this.#items = this.#firstItems()
  }

  get items(): readonly Item[] {
    return this.#firstItems()
  }

  #firstItems(): Item[] {
    return this.#items.toSorted(this.#order).slice(0, this.#limit)
  }
}

/** The report of a run that goes on. */
export class RunningReport {
  readonly events: FirstOf<PrunedEvent>
  readonly images: FirstOf<PrunedImage>
  readonly kept: FirstOf<KeptImage>
  readonly reasons: Record<KeptReason, number> = {
    TAGGED: 0,
    IN_HISTORY: 0,
    IN_REPOSITORY: 0,
    IN_PUSH_LOG: 0,
    YOUNG: 0,
    CHILD: 0,
    CHOSEN_FROM: 0,
  }
  configs = 0
  bytes = 0
  repositoryManifests = 0

  constructor({ limit, after = {} }: PruneListing) {
    const { events, images = 0, kept = 0 } = after
    this.events = new FirstOf<PrunedEvent>(
      limit,
      byPosition,
      (event) => !events || byPosition(event, events) > 0,
    )
    this.images = new FirstOf<PrunedImage>(limit, byId, ({ id }) => id > images)
    this.kept = new FirstOf<KeptImage>(limit, byId, ({ id }) => id > kept)
  }

  goes({ id, digest, size }: PrunedImage): void {
    this.images.add({ id, digest, size })
    this.bytes += size
  }

  stays({ id, digest, size }: PrunedImage, keptBecause: KeptReason): void {
    this.kept.add({ id, digest, size, keptBecause })
    this.reasons[keptBecause]++
  }

  finished(): PruneReport {
    const { events, images, kept, reasons, configs, bytes, repositoryManifests } = this
    return {
      events: listOf(events),
      images: listOf(images),
      kept: listOf(kept),
      reasons,
      configs,
      bytes,
      repositoryManifests,
    }
  }
}

const byId = (one: PrunedImage, other: PrunedImage): number => one.id - other.id
const byPosition = (one: EventPosition, other: EventPosition): number =>
  one.tagId - other.tagId || one.id - other.id
const listOf = <Item>({ total, items }: PruneList<Item>): PruneList<Item> => ({ total, items })

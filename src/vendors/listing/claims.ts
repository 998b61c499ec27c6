import { type Digest, isDigest } from '../../oci/digest.ts'
import { isReferrersTag, isTagName, type TagName } from '../../oci/tag.ts'
import type { ReportedMove, TagClaim } from '../../oci/vendor-listing.ts'
import { TooLongError } from './errors.ts'
import type { VendorLimits } from './limits.ts'

/** A tag as the vendor tells it, nothing of it believed yet. */
export interface ToldTag {
  readonly tag: unknown
  readonly digest: unknown
  readonly changedAt: number | null
}

/** A time in which a tag meant an image, as the vendor tells it. */
export interface ToldMove {
  readonly tag: unknown
  readonly digest: unknown
  readonly from: number | null
  readonly until: number | null
}

/** The claims of one listing so far: legal names, each once, none that only carries referrers. */
export class Claims {
  readonly #limits: Pick<VendorLimits, 'tags'>
  readonly #seen = new Set<TagName>()
  #moves = 0
  /** Entries that are no tag names, and were left out. */
  illegal = 0

  constructor(limits: Pick<VendorLimits, 'tags'>) {
    this.#limits = limits
  }

  /** Names of tags so far, hidden ones too. */
  get size(): number {
    return this.#seen.size
  }

  /** What is new among them. The first one counts: in a listing that grows meanwhile, it is the newer. */
  admit(told: readonly ToldTag[]): TagClaim[] {
    const fresh: TagClaim[] = []
    for (const { tag, digest, changedAt } of told) {
      if (!isTagName(tag)) this.illegal += 1
      else if (!this.#seen.has(tag)) {
        this.#seen.add(tag)
        if (this.#seen.size > this.#limits.tags) throw this.#tooMany('tags')
        if (!isReferrersTag(tag)) fresh.push({ tag, digest: digestOf(digest), changedAt })
      }
    }
    return fresh
  }

  /** The moves among them that make sense. */
  admitMoves(told: readonly ToldMove[]): ReportedMove[] {
    this.#moves += told.length
    if (this.#moves > this.#limits.tags) throw this.#tooMany('moves of tags')
    return told.flatMap(({ tag, digest, from, until }) => {
      const named = isTagName(tag) && !isReferrersTag(tag) ? tag : undefined
      const meant = digestOf(digest)
      if (!named || !meant || from === null || (until !== null && until < from)) return []
      return [{ tag: named, digest: meant, from, until }]
    })
  }

  #tooMany(what: string): TooLongError {
    return new TooLongError(`it tells more than ${this.#limits.tags} ${what}`)
  }
}

const digestOf = (value: unknown): Digest | null => (isDigest(value) ? value : null)

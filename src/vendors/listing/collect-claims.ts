import { type Digest, isDigest } from '../../oci/digest.ts'
import { isReferrersTag, isTagName, type TagName } from '../../oci/tag.ts'
import type { ReportedMove, TagClaim } from '../../oci/vendor-listing.ts'
import { TooLongError } from './errors.ts'
import type { VendorLimits } from './limits.ts'

/** A tag as the vendor sent it, not validated. */
export interface RawTag {
  readonly tag: unknown
  readonly digest: unknown
  readonly changedAt: number | null
}

/** A move of a tag as the vendor sent it, not validated. */
export interface RawMove {
  readonly tag: unknown
  readonly digest: unknown
  readonly from: number | null
  readonly until: number | null
}

/** Validates the tags of one listing: keeps valid names, each once, and no referrers tags. */
export class ClaimCollector {
  readonly #limits: Pick<VendorLimits, 'tags'>
  readonly #seen = new Set<TagName>()
  #moves = 0
  /** Number of tags with invalid names, which are left out. */
  invalid = 0

  constructor(limits: Pick<VendorLimits, 'tags'>) {
    this.#limits = limits
  }

  /** Number of valid tag names, including referrers tags. */
  get size(): number {
    return this.#seen.size
  }

  /** Returns the new claims. The first claim of a tag counts: in a listing that grows while it is read, it is the newer one. */
  add(tags: readonly RawTag[]): TagClaim[] {
    const claims: TagClaim[] = []
    for (const { tag, digest, changedAt } of tags) {
      if (!isTagName(tag)) this.invalid += 1
      else if (!this.#seen.has(tag)) {
        this.#seen.add(tag)
        if (this.#seen.size > this.#limits.tags) throw this.#tooMany('tags')
        if (!isReferrersTag(tag)) claims.push({ tag, digest: digestOf(digest), changedAt })
      }
    }
    return claims
  }

  /** Returns the valid moves. */
  addMoves(moves: readonly RawMove[]): ReportedMove[] {
    this.#moves += moves.length
    if (this.#moves > this.#limits.tags) throw this.#tooMany('moves of tags')
    return moves.flatMap((move) => {
      const { tag, from, until } = move
      const digest = digestOf(move.digest)
      if (!isTagName(tag) || isReferrersTag(tag) || !digest) return []
      if (from === null || (until !== null && until < from)) return []
      return [{ tag, digest, from, until }]
    })
  }

  #tooMany(items: string): TooLongError {
    return new TooLongError(`it has more than ${this.#limits.tags} ${items}`)
  }
}

const digestOf = (value: unknown): Digest | null => (isDigest(value) ? value : null)

import { createHash } from 'node:crypto'
import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import type { TagName } from '../../oci/tag.ts'
import type { TagClaim } from '../../oci/vendor-listing.ts'
import type { KnownTag } from './known-tags.ts'

/** Milliseconds for which a claim that the registry did not confirm may be ahead of it: until then it is asked again. */
export const SETTLING_TIME = 60 * 60 * 1000

/**
 * Whether the registry has to be asked what the tag means: not where the claim is what the registry said itself, nor
 * where it was asked because of this very claim before, and said something else.
 */
export function isNews(claim: TagClaim, known: KnownTag | undefined): boolean {
  if (known?.isClaimed && known.claimedDigest === claim.digest && known.claimedAt === claim.changedAt) {
    return false
  }
  if (!known?.isTag) return true
  // says only that there is such a tag
  if (claim.digest === null && claim.changedAt === null) return false
  return known.failing !== null || claim.digest !== known.upstreamDigest
}

/** A short text that two claims share only where they say the same. */
export const markOf = ({ tag, digest, changedAt }: TagClaim): string =>
  createHash('sha256').update(`${tag} ${digest} ${changedAt}`).digest('base64url').slice(0, 12)

/** Claims of one stream's listing that the registry did not confirm. */
export interface TagClaims {
  /** Tags of those that are so new that the registry may still come to say the same. */
  unsettled(now: number): TagName[]
  /**
   * Keeps those of the claims, for each of which the import asked the registry, that it does not agree with, and forgets
   * what it agrees with now. Where it could not be asked the claim is news the next time too.
   */
  settle(tx: Transaction, importId: number, claims: readonly TagClaim[]): void
  /** Forgets what is claimed of tags that there are not: every tag of the registry has been asked for. */
  forgetPhantoms(tx: Transaction): void
}

interface Answer {
  upstreamDigest: string | null
  /** Why the import failed to read it. */
  reason: string | null
}

/** What the registry itself says of a tag, and not that it could not be asked. */
const ANSWERS: readonly (string | null)[] = [null, 'NotFound', 'InvalidManifest']

export function createTagClaims(db: Database, streamId: number): TagClaims {
  const answer = db.prepare<Answer>(`
    select (select upstream_digest from tags where stream_id = ? and name = ?) as upstreamDigest,
      (select reason from import_failures where import_id = ? and tag = ?) as reason`)
  const keep = db.prepare(
    'insert or replace into tag_claims (stream_id, tag, digest, changed_at) values (?, ?, ?, ?)',
  )
  const forgetTrue = db.prepare(`
    delete from tag_claims as c where stream_id = ? and digest =
      (select upstream_digest from tags t where t.stream_id = c.stream_id and t.name = c.tag and t.failing is null)`)
  const forget = db.prepare('delete from tag_claims where stream_id = ? and tag = ?')

  return {
    unsettled: (now) =>
      db
        .prepare<{ tag: TagName }>(
          `select tag from tag_claims c where stream_id = ? and changed_at between ? and ? and not exists (
             select 1 from tags t where t.stream_id = c.stream_id and t.name = c.tag and t.failing = 'InvalidManifest')
           order by tag`,
        )
        .all(streamId, now - SETTLING_TIME, now + SETTLING_TIME)
        .map(({ tag }) => tag),
    settle(_tx, importId, claims) {
      forgetTrue.run(streamId)
      for (const { tag, digest, changedAt } of claims) {
        const { upstreamDigest, reason } = answer.get(streamId, tag, importId, tag) as Answer
        if (!ANSWERS.includes(reason)) continue
        if (reason === null && upstreamDigest === digest) forget.run(streamId, tag)
        else keep.run(streamId, tag, digest, changedAt)
      }
    },
    forgetPhantoms(_tx) {
      db.prepare(
        `delete from tag_claims as c where stream_id = ?
           and not exists (select 1 from tags t where t.stream_id = c.stream_id and t.name = c.tag)`,
      ).run(streamId)
    },
  }
}

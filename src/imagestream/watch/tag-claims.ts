import { createHash } from 'node:crypto'
import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import type { FailureReason } from '../../oci/failure-reason.ts'
import type { TagName } from '../../oci/tag.ts'
import type { TagClaim } from '../../oci/vendor-listing.ts'
import type { KnownTag } from './known-tags.ts'

/**
 * Milliseconds for which an unconfirmed claim is checked again by each import: the vendor's listing may be ahead of the
 * registry.
 */
export const SETTLING_TIME = 60 * 60 * 1000

/**
 * Reports whether the tag has to be requested from the registry because of the listing's claim. Not if the claim equals
 * the registry's last response, or if the registry did not confirm the same claim before.
 */
export function needsRequest(claim: TagClaim, known: KnownTag | undefined): boolean {
  if (known?.isClaimed && known.claimedDigest === claim.digest && known.claimedAt === claim.changedAt) {
    return false
  }
  if (!known?.isTag) return true
  // reports only that the tag exists
  if (claim.digest === null && claim.changedAt === null) return false
  return known.failing !== null || claim.digest !== known.upstreamDigest
}

/** Returns a short text that is equal for equal claims only. */
export const fingerprintOf = ({ tag, digest, changedAt }: TagClaim): string =>
  createHash('sha256').update(`${tag} ${digest} ${changedAt}`).digest('base64url').slice(0, 12)

/** Claims of the listing of one stream's repository that the registry did not confirm. */
export type TagClaims = ReturnType<typeof createTagClaims>

interface RequestResult {
  upstreamDigest: string | null
  /** Why the import failed to read the tag. */
  reason: FailureReason | null
}

/** Results that are a response of the registry about the tag, not a failed request. */
const RESPONSES: readonly (FailureReason | null)[] = [null, 'NotFound', 'InvalidManifest']

export function createTagClaims(db: Database, streamId: number) {
  const result = db.prepare<RequestResult>(`
    select (select upstream_digest from tags where stream_id = ? and name = ?) as upstreamDigest,
      (select reason from import_failures where import_id = ? and tag = ?) as reason`)
  const save = db.prepare(
    'insert or replace into tag_claims (stream_id, tag, digest, changed_at) values (?, ?, ?, ?)',
  )
  const deleteConfirmed = db.prepare(`
    delete from tag_claims as c where stream_id = ? and digest =
      (select upstream_digest from tags t where t.stream_id = c.stream_id and t.name = c.tag and t.failing is null)`)
  const deleteOne = db.prepare('delete from tag_claims where stream_id = ? and tag = ?')

  return {
    /** Returns the tags of claims that are so recent that the registry may still confirm them. */
    unsettled: (now: number): TagName[] =>
      db
        .prepare<{ tag: TagName }>(
          `select tag from tag_claims c where stream_id = ? and changed_at between ? and ? and not exists (
             select 1 from tags t where t.stream_id = c.stream_id and t.name = c.tag and t.failing = 'InvalidManifest')
           order by tag`,
        )
        .all(streamId, now - SETTLING_TIME, now + SETTLING_TIME)
        .map(({ tag }) => tag),
    /**
     * Stores those of the claims that the registry did not confirm, and deletes those that it confirmed. The import has
     * requested the tag of each. A claim whose request failed is not stored: the next import requests the tag again.
     */
    settle(_tx: Transaction, importId: number, claims: readonly TagClaim[]): void {
      deleteConfirmed.run(streamId)
      for (const { tag, digest, changedAt } of claims) {
        const { upstreamDigest, reason } = result.get(streamId, tag, importId, tag) as RequestResult
        if (!RESPONSES.includes(reason)) continue
        if (reason === null && upstreamDigest === digest) deleteOne.run(streamId, tag)
        else save.run(streamId, tag, digest, changedAt)
      }
    },
    /** Deletes the claims about tags that the stream does not have: a full scan has requested every tag. */
    deleteUnknownTags(_tx: Transaction): void {
      db.prepare(
        `delete from tag_claims as c where stream_id = ?
           and not exists (
             select 1 from tags t where t.stream_id = c.stream_id and t.name = c.tag and t.removed_at is null)`,
      ).run(streamId)
    },
  }
}

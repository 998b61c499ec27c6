import { and, eq } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { tags } from '../../db/tables/tag.ts'
import type { Transaction } from '../../db/transact.ts'
import type { TagName } from '../../oci/tag.ts'
import type { TagFailure } from '../request/import-state.ts'

/** Milliseconds between two full scans that confirm each other: a short outage affects both of two closer scans. */
const SCANS_APART = 60_000

/** A known tag that a complete tag list lacks, and that could not be read by name. */
export interface AbsentTag {
  readonly streamId: number
  readonly tag: TagName
  /** As the spec names it. */
  readonly repository: string
  /** Failure of the request for the tag. */
  readonly failure: TagFailure
  /** Milliseconds since 1970. */
  readonly now: number
}

/**
 * Records since when the tag is not listed, and returns the failure to report. The tag is `NotFound` if the registry
 * responds so to a request by name, or if the request fails otherwise and two complete lists lack the tag.
 */
export function recordAbsence(
  db: Database,
  _tx: Transaction,
  { streamId, tag, repository, failure, now }: AbsentTag,
): TagFailure {
  const isTag = and(eq(tags.streamId, streamId), eq(tags.name, tag))
  const row = db.orm.select({ missingSince: tags.missingSince }).from(tags).where(isTag).get()
  const before = row?.missingSince ?? null
  if (before === null) db.orm.update(tags).set({ missingSince: now }).where(isTag).run()
  const gone = `${repository}: the tag ${tag} is gone: not listed since ${new Date(before ?? now).toISOString()}`
  if (failure.reason === 'NotFound') {
    return { reason: 'NotFound', message: `${gone}, and the registry does not find it by name` }
  }
  if (before === null || now < before + SCANS_APART) return failure
  return { reason: 'NotFound', message: `${gone}, in two complete lists; by name: ${failure.message}` }
}

import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import type { TagName } from '../../oci/tag.ts'
import type { Failure } from '../request/import-rows.ts'

/** Milliseconds between two sweeps that are evidence apart: what is out of order for a moment is so for both. */
const SWEEPS_APART = 60_000

/** A tag that a whole list lacks, and that could not be read either. */
export interface AbsentTag {
  readonly streamId: number
  readonly tag: TagName
  /** As people name it. */
  readonly repository: string
  /** What came of asking for it. */
  readonly failure: Failure
  /** Milliseconds since 1970. */
  readonly now: number
}

/**
 * What is to be said of a tag that is not listed any more, and could not be read. It is gone when the registry says so, or
 * cannot say and has not listed it for two sweeps.
 */
export function noteAbsent(
  db: Database,
  _tx: Transaction,
  { streamId, tag, repository, failure, now }: AbsentTag,
): Failure {
  const before =
    db
      .prepare<{ since: number | null }>(
        'select missing_since as since from tags where stream_id = ? and name = ?',
      )
      .get(streamId, tag)?.since ?? null
  if (before === null) {
    db.prepare('update tags set missing_since = ? where stream_id = ? and name = ?').run(now, streamId, tag)
  }
  const gone = `${repository}: the tag ${tag} is gone: not listed since ${new Date(before ?? now).toISOString()}`
  if (failure.reason === 'NotFound') {
    return { reason: 'NotFound', message: `${gone}, and asked for it the registry does not have it` }
  }
  if (before === null || now < before + SWEEPS_APART) return failure
  return { reason: 'NotFound', message: `${gone}, in two whole lists; asked for it: ${failure.message}` }
}

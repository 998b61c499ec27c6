import { eq, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { imageStreams } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import type { ChangeLog } from '../../events/change-log.ts'
import type { StreamChange } from '../../events/log-entry.ts'
import type { TagName } from '../../oci/tag.ts'
import type { ImportTransition } from '../tag/tag-change.ts'

/** A change of a stream, or of one of its tags, for the log. */
export interface RecordedChange extends Pick<StreamChange, 'kind' | 'streamId'> {
  readonly tag?: TagName | null
  readonly reason?: NonNullable<StreamChange['reason']>
  readonly message?: string
}

/** Adds a change to the log, in the transaction that makes it. */
export type ChangeRecorder = ReturnType<typeof createChangeRecorder>

/** `now` returns milliseconds since 1970. */
export function createChangeRecorder(db: Database, log: Pick<ChangeLog, 'appendChange'>, now: () => number) {
  const name = db.orm
    .select({ namespace: imageStreams.namespace, imageStreamName: imageStreams.name })
    .from(imageStreams)
    .where(eq(imageStreams.id, sql.placeholder('id')))
    .prepare()
  return (tx: Transaction, { kind, streamId, tag = null, reason, message }: RecordedChange): void => {
    const named = name.get({ id: streamId })
    if (!named) throw new Error(`the stream ${streamId} that changes does not exist`)
    const change = { changedAt: now(), kind, ...named, streamId, tag }
    log.appendChange(tx, { ...change, reason: reason ?? null, message: message ?? null })
  }
}

/** Returns the change that a begin or an end of failing imports is. */
export const changeOf = ({ streamId, tag, failure }: ImportTransition): RecordedChange =>
  failure
    ? { kind: 'IMPORT_FAILING', streamId, tag, reason: failure.reason, message: failure.message }
    : { kind: 'IMPORT_RECOVERED', streamId, tag }

import { BATCH, yieldToEventLoop } from '../concurrency/yielding.ts'
import type { Database } from '../db/open.ts'
import type { FingerprintAt } from './fingerprint.ts'

interface TimedEntry {
  readonly sequence: number
  readonly at: number
}

/**
 * Returns a function that removes entries from before a time, in milliseconds since 1970, up to the first that is later.
 * Cursors before the last of them expire. Each transaction removes a bounded number; between them other work runs. It
 * resolves to their number, or rejects with the signal's reason once it is aborted: what was removed stays removed.
 */
export function createLogTrimming(db: Database, fingerprintAt: FingerprintAt) {
  const oldest = db.prepare<TimedEntry>(
    `select * from (select sequence, pushed_at as at from push_log order by sequence limit ${BATCH})
     union all select * from (select sequence, changed_at as at from stream_changes order by sequence limit ${BATCH})
     order by sequence limit ${BATCH}`,
  )
  const raiseDropped = db.prepare(
    'update push_log_state set dropped = ?, dropped_fingerprint = ? where dropped < ?',
  )
  const deletePushes = db.prepare('delete from push_log where sequence <= ?')
  const deleteChanges = db.prepare('delete from stream_changes where sequence <= ?')
  // the writer of the next entry stays
  const deleteWriters = db.prepare(`delete from log_writers where first_sequence <
    (select max(first_sequence) from log_writers where first_sequence <= ? + 1)`)

  /** Removes at most a batch of the oldest entries. In a transaction, so that no cursor is valid whose entries are gone. */
  const dropSome = (time: number): number => {
    const rows = oldest.all()
    const kept = rows.findIndex(({ at }) => at >= time)
    const last = rows.at(kept < 0 ? -1 : kept - 1)
    if (kept === 0 || !last) return 0
    raiseDropped.run(last.sequence, fingerprintAt(last.sequence), last.sequence)
    deleteWriters.run(last.sequence)
    return deletePushes.run(last.sequence).changes + deleteChanges.run(last.sequence).changes
  }

  return async (time: number, signal?: AbortSignal): Promise<number> => {
    for (let total = 0; ; ) {
      const dropped = db.transact(() => dropSome(time))
      total += dropped
      if (dropped < BATCH) return total
      await yieldToEventLoop(signal)
    }
  }
}

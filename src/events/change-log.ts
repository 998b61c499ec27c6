import { randomUUID } from 'node:crypto'
import type { Database } from '../db/open.ts'
import type { Transaction } from '../db/transact.ts'
import { createEntryReads } from './entry-reads.ts'
import { createFingerprints } from './fingerprint.ts'
import type { StreamChange } from './log-entry.ts'
import { type IdentityGuard, openIdentity } from './log-identity.ts'
import { createLogTrimming } from './log-trimming.ts'
import { createLogWriters } from './log-writers.ts'
import { createPositions } from './positions.ts'
import type { Push } from './push-filter.ts'
import { createPushReads } from './push-search.ts'

/** Cause of a push: an import, a push to the integrated registry, or a change of the tag. */
export type PushSource = Push['source']

/** The record of all pushes and other changes of streams, in commit order. Cursors are positions in it. */
export type ChangeLog = ReturnType<typeof createChangeLog>

/** The reads for viewers. */
export type ChangeLogView = Pick<
  ChangeLog,
  | 'find'
  | 'findEntries'
  | 'entry'
  | 'push'
  | 'head'
  | 'cursor'
  | 'endCursor'
  | 'entryKey'
  | 'position'
  | 'checkPosition'
>

/** Opens the log, which one process at a time can do. Without a guard, a database that went back is not recognized at the start. */
export function createChangeLog(db: Database, guard?: IdentityGuard) {
  db.prepare('insert or ignore into push_log_state (id, uid, dropped) values (1, ?, 0)').run(randomUUID())
  // when all entries have been removed, the newest is the last removed one
  const last = `max(ifnull((select max(sequence) from push_log), 0), ifnull((select max(sequence) from stream_changes), 0),
    (select dropped from push_log_state))`
  const state = db.prepare<{ last: number; dropped: number }>(
    `select ${last} as last, dropped from push_log_state`,
  )
  const bounds = () => state.get() ?? { last: 0, dropped: 0 }
  const insert = db.prepare(`insert into push_log (sequence, pushed_at, source, namespace, image_stream_name,
    stream_id, tag, docker_image_reference, image_id, previous_image_id)
    values (${last} + 1, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)

  const insertChange =
    db.prepare(`insert into stream_changes (sequence, changed_at, kind, namespace, image_stream_name,
    stream_id, tag, reason, message) values (${last} + 1, ?, ?, ?, ?, ?, ?, ?, ?)`)
  const reads = createPushReads(db, bounds)
  const writers = createLogWriters(db)
  const identity = openIdentity(db, { bounds, writers, guard })
  const fingerprintAt = createFingerprints(db, writers.nonceOf)
  const positions = createPositions(identity, { bounds, fingerprintAt })

  const counts: Record<PushSource, number> = { IMPORT: 0, REGISTRY: 0, TAG: 0 }
  const listeners = new Set<() => void>()
  const notify = (): void => {
    for (const listener of listeners) listener()
  }
  const noteAppended = (tx: Transaction, sequence: number): void => {
    writers.note(tx, sequence)
    // before clients hear of the entry
    tx.afterCommit(identity.mark)
    tx.afterCommit(notify)
  }

  return {
    /** Adds a push under the next number, which it returns, and notifies the listeners after the commit. */
    appendPush(tx: Transaction, push: Omit<Push, 'sequence'>): number {
      const sequence = insert.insert(
        push.pushedAt,
        push.source,
        push.namespace,
        push.imageStreamName,
        push.streamId,
        push.tag,
        push.dockerImageReference,
        push.imageId,
        push.previousImageId,
      )
      noteAppended(tx, sequence)
      tx.afterCommit(() => {
        counts[push.source] += 1
      })
      return sequence
    },

    /** Adds another change of a stream under the next number, and notifies the listeners after the commit. */
    appendChange(tx: Transaction, change: Omit<StreamChange, 'sequence'>): void {
      const { changedAt, kind, namespace, imageStreamName, streamId, tag, reason, message } = change
      const row = [changedAt, kind, namespace, imageStreamName, streamId, tag, reason, message]
      noteAppended(tx, insertChange.insert(...row))
    },

    ...reads,

    ...createEntryReads(db, reads, bounds, positions),

    /** Returns the sequence of the newest entry; 0 when there has been none. */
    head: (): number => bounds().last,

    /** Returns the number of entries that have not been removed: the sequence has no gaps. */
    size(): number {
      const { last, dropped } = bounds()
      return last - dropped
    },

    /** Returns the number of pushes since this process opened the log, by source. */
    counts: (): Readonly<Record<PushSource, number>> => ({ ...counts }),

    /**
     * Calls the listener after each commit that appended, without a payload: listeners read the log. Returns a function
     * that removes the listener.
     */
    onAppend(listener: () => void): () => void {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },

    ...positions,

    dropBefore: createLogTrimming(db, fingerprintAt),
  }
}

import { randomUUID } from 'node:crypto'
import type { Database } from '../db/open.ts'
import type { Transaction } from '../db/transact.ts'
import { CursorExpiredError, decodeCursor, encodeCursor } from './cursor.ts'
import { createFingerprints } from './fingerprint.ts'
import { type EntryFilter, isOfPushes, type LogEntry, type StreamChange, TAG_PUSHED } from './log-entry.ts'
import { createLogTrimming } from './log-trimming.ts'
import type { Interval, Push } from './push-filter.ts'
import { createPushReads, type PushRange } from './push-search.ts'
import { createChangeReads } from './stream-changes.ts'

/** Cause of a push: an import, a push to the integrated registry, or a change of the tag. */
export type PushSource = Push['source']

/** A part of the log, with criteria for all kinds of entries. */
export interface EntryRange extends Omit<PushRange, 'filter'> {
  readonly filter?: EntryFilter | undefined
}

/** The record of all pushes and other changes of streams, in commit order. Cursors are positions in it. */
export type PushLog = ReturnType<typeof createPushLog>

/** Opens the log, which one process at a time can do. */
export function createPushLog(db: Database) {
  db.prepare('insert or ignore into push_log_state (id, uid, dropped) values (1, ?, 0)').run(randomUUID())
  const uid = db.prepare<{ uid: string }>('select uid from push_log_state').get()?.uid ?? ''
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
  const trim = createLogTrimming(db)
  const reads = createPushReads(db, bounds)
  const changes = createChangeReads(db)
  const fingerprintAt = createFingerprints(db)

  const counts: Record<PushSource, number> = { IMPORT: 0, REGISTRY: 0, TAG: 0 }
  const listeners = new Set<() => void>()
  const notify = (): void => {
    for (const listener of listeners) listener()
  }

  const checkPosition = (sequence: number): void => {
    const { last, dropped } = bounds()
    if (sequence > last) {
      throw new CursorExpiredError(
        'the cursor is ahead of this database, which is older than it: start without "since"',
      )
    }
    if (sequence < dropped) {
      throw new CursorExpiredError(
        'pushes after this cursor have been removed: read the streams, then start without "since"',
      )
    }
  }

  return {
    /** Adds a push under the next number, which it returns, and notifies the listeners after the commit. */
    append(tx: Transaction, push: Omit<Push, 'sequence'>): number {
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
      tx.afterCommit(() => {
        counts[push.source] += 1
      })
      tx.afterCommit(notify)
      return sequence
    },

    /** Adds another change of a stream under the next number, and notifies the listeners after the commit. */
    appendChange(tx: Transaction, change: Omit<StreamChange, 'sequence'>): void {
      const { changedAt, kind, namespace, imageStreamName, streamId, tag, reason, message } = change
      insertChange.run(changedAt, kind, namespace, imageStreamName, streamId, tag, reason, message)
      tx.afterCommit(notify)
    },

    ...reads,

    /** Reads entries of all kinds after a sequence in two statements, oldest first, without a gap. */
    readEntries(range: Interval & { readonly limit: number }): LogEntry[] {
      const pushes = reads.read(range)
      return inOrder(pushes, changes.read(range)).slice(0, range.limit)
    },

    /** Reads entries of any range, as `find` reads pushes. */
    async findEntries(range: EntryRange, signal?: AbortSignal): Promise<LogEntry[]> {
      const { filter = {}, descending = false, limit } = range
      const { last: end } = bounds()
      const interval = { after: range.after ?? 0, before: Math.min(range.before ?? end + 1, end + 1) }
      const { kinds = [TAG_PUSHED] } = filter
      const pushes =
        kinds === 'ALL' || kinds.includes(TAG_PUSHED)
          ? await reads.find({ ...range, ...interval }, signal)
          : []
      const others = isOfPushes(filter)
        ? []
        : await changes.find({ ...interval, filter, descending, limit }, signal)
      const found = inOrder(pushes, others)
      return (descending ? found.reverse() : found).slice(0, limit)
    },

    /** Returns the sequence of the newest entry; 0 when there has been none. */
    head: (): number => bounds().last,

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

    /** Returns the cursor of a position. It carries a fingerprint of its entry, where the log still has the entry. */
    cursor: (sequence: number): string => encodeCursor(uid, sequence, fingerprintAt(sequence)),

    /** Returns the sequence of a cursor. Throws InvalidCursorError, or CursorExpiredError if reading on would leave a gap. */
    position(cursor: string): number {
      const { log, sequence, fingerprint } = decodeCursor(cursor)
      if (log !== uid) {
        throw new CursorExpiredError('the cursor is of another database: start without "since"')
      }
      checkPosition(sequence)
      const actual = fingerprint === null ? null : fingerprintAt(sequence)
      if (actual !== null && actual !== fingerprint) {
        throw new CursorExpiredError(
          'the cursor is of a later state of this database, which was set back: start without "since"',
        )
      }
      return sequence
    },

    /** Throws CursorExpiredError if reading on from the position would leave a gap. */
    checkPosition,

    dropBefore: trim,
  }
}

/** Returns the entries by sequence, oldest first. */
const inOrder = (pushes: readonly Push[], changes: readonly StreamChange[]): LogEntry[] =>
  changes.length === 0 ? [...pushes].sort(bySequence) : [...pushes, ...changes].sort(bySequence)

const bySequence = (one: LogEntry, other: LogEntry): number => one.sequence - other.sequence

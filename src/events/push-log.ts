import { randomUUID } from 'node:crypto'
import { BATCH, yieldToEventLoop } from '../concurrency/yielding.ts'
import type { Database } from '../db/open.ts'
import type { Transaction } from '../db/transact.ts'
import { CursorExpiredError, decodeCursor, encodeCursor } from './cursor.ts'
import type { Push } from './push-filter.ts'
import { createPushReads } from './push-search.ts'

/** Cause of a push: an import, a push to the integrated registry, or a change of the tag. */
export type PushSource = Push['source']

/** The record of all pushes in commit order. Cursors are positions in it. */
export type PushLog = ReturnType<typeof createPushLog>

/** Opens the log, which one process at a time can do. */
export function createPushLog(db: Database) {
  db.prepare('insert or ignore into push_log_state (id, uid, dropped) values (1, ?, 0)').run(randomUUID())
  const uid = db.prepare<{ uid: string }>('select uid from push_log_state').get()?.uid ?? ''
  // when all pushes have been removed, the newest is the last removed one
  const last = 'coalesce((select max(sequence) from push_log), (select dropped from push_log_state))'
  const state = db.prepare<{ last: number; dropped: number }>(
    `select ${last} as last, dropped from push_log_state`,
  )
  const bounds = () => state.get() ?? { last: 0, dropped: 0 }
  const insert = db.prepare(`insert into push_log (sequence, pushed_at, source, namespace, image_stream_name,
    stream_id, tag, docker_image_reference, image_id, previous_image_id)
    values (${last} + 1, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)

  const oldest = db.prepare<Pick<Push, 'sequence' | 'pushedAt'>>(
    `select sequence, pushed_at as pushedAt from push_log order by sequence limit ${BATCH}`,
  )
  const raiseDropped = db.prepare('update push_log_state set dropped = max(dropped, ?)')
  const deleteThrough = db.prepare('delete from push_log where sequence <= ?')

  /** Removes at most a batch of the oldest pushes. In a transaction, so that no cursor is valid whose pushes are gone. */
  const dropSome = (time: number): number => {
    const rows = oldest.all()
    const kept = rows.findIndex(({ pushedAt }) => pushedAt >= time)
    const last = rows.at(kept < 0 ? -1 : kept - 1)
    if (kept === 0 || !last) return 0
    raiseDropped.run(last.sequence)
    return deleteThrough.run(last.sequence).changes
  }

  const counts: Record<PushSource, number> = { IMPORT: 0, REGISTRY: 0, TAG: 0 }
  const listeners = new Set<() => void>()
  const notify = (): void => {
    for (const listener of listeners) listener()
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

    ...createPushReads(db, bounds),

    /** Returns the sequence of the newest push; 0 when there has been none. */
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

    cursor: (sequence: number): string => encodeCursor(uid, sequence),

    /** Returns the sequence of a cursor. Throws InvalidCursorError, or CursorExpiredError if reading on would leave a gap. */
    position(cursor: string): number {
      const { log, sequence } = decodeCursor(cursor)
      const { last, dropped } = bounds()
      if (log !== uid)
        throw new CursorExpiredError('the cursor is of another database: start without "since"')
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
      return sequence
    },

    /**
     * Removes pushes from before a time, in milliseconds since 1970, up to the first that is later. Cursors before the last
     * of them expire. Each transaction removes a bounded number; between them other work runs. Resolves to their number,
     * or rejects with the signal's reason once it is aborted: what was removed stays removed.
     */
    async dropBefore(time: number, signal?: AbortSignal): Promise<number> {
      for (let total = 0; ; ) {
        const dropped = db.transact(() => dropSome(time))
        total += dropped
        if (dropped < BATCH) return total
        await yieldToEventLoop(signal)
      }
    },
  }
}

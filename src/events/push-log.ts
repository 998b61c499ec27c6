import { randomUUID } from 'node:crypto'
import type { Database } from '../db/open.ts'
import { columnsOf, type Parameter } from '../db/statement.ts'
import { pushLog } from '../db/tables/index.ts'
import type { Transaction } from '../db/transact.ts'
import { matchesGlob } from '../input/glob.ts'
import { CursorExpiredError, decodeCursor, encodeCursor } from './cursor.ts'

/** The change of a tag to another image: a row of the log. */
export type Push = Readonly<typeof pushLog.$inferSelect>

/** Cause of a push: an import, a push to the integrated registry, or a change of the tag. */
export type PushSource = Push['source']

/** Criteria for pushes; an absent one does not restrict. `imageStream` and `tag` can contain `*`. */
export interface PushFilter {
  readonly namespace?: string | undefined
  readonly imageStream?: string | undefined
  readonly tag?: string | undefined
}

/** A part of the log. */
export interface PushRange {
  /** Only sequences above this one. */
  readonly after?: number | undefined
  /** Only sequences below this one. */
  readonly before?: number | undefined
  readonly filter?: PushFilter | undefined
  /** Newest first, instead of oldest first. */
  readonly descending?: boolean
  readonly limit: number
}

/** The record of all pushes in commit order. Cursors are positions in it. */
export type PushLog = ReturnType<typeof createPushLog>

const COLUMNS = columnsOf(pushLog, 'push_log')

const isGlob = (pattern: string): boolean => pattern.includes('*')

/** Reports whether the push meets the criteria. */
export const matchesPush = (push: Push, { namespace, imageStream, tag }: PushFilter): boolean =>
  (namespace === undefined || push.namespace === namespace) &&
  (imageStream === undefined || matchesGlob(imageStream, push.imageStreamName)) &&
  (tag === undefined || matchesGlob(tag, push.tag))

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

    read: (range: PushRange): Push[] => readPushes(db, range),

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
     * Removes pushes from before a time, in milliseconds since 1970. Cursors before the last of them expire. Returns their
     * number.
     */
    dropBefore: (time: number): number =>
      db.transact(() => {
        // from the oldest up: the cost depends on the removed pushes, not on the remaining ones
        const firstKept = db
          .prepare<Pick<Push, 'sequence'>>(
            'select sequence from push_log where pushed_at >= ? order by sequence limit 1',
          )
          .get(time)?.sequence
        const dropped = firstKept === undefined ? bounds().last : firstKept - 1
        db.prepare('update push_log_state set dropped = max(dropped, ?)').run(dropped)
        return db.prepare('delete from push_log where sequence <= ?').run(dropped).changes
      }),
  }
}

function readPushes(
  db: Database,
  { after, before, filter = {}, descending = false, limit }: PushRange,
): Push[] {
  const where: string[] = []
  const values: Parameter[] = []
  const restrict = (condition: string, value: string | number | undefined): void => {
    if (value === undefined) return
    where.push(condition)
    values.push(value)
  }
  restrict('sequence > ?', after)
  restrict('sequence < ?', before)
  restrict('namespace = ?', filter.namespace)
  for (const [column, pattern] of [
    ['image_stream_name', filter.imageStream],
    ['tag', filter.tag],
  ] as const) {
    restrict(pattern && isGlob(pattern) ? `matches_glob(?, ${column})` : `${column} = ?`, pattern)
  }
  const order = descending ? 'desc' : 'asc'
  const condition = where.length > 0 ? `where ${where.join(' and ')}` : ''
  return db
    .prepare<Push>(`select ${COLUMNS} from push_log ${condition} order by sequence ${order} limit ?`)
    .all(...values, limit)
}

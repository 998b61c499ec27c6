import { and, asc, desc, eq, gt, lt, type SQL, sql } from 'drizzle-orm'
import { turnToRead } from '../concurrency/yielding.ts'
import type { Database } from '../db/open.ts'
import { streamChanges } from '../db/tables/index.ts'
import { isGlob } from '../input/glob.ts'
import { type EntryFilter, matchesEntry, type StreamChange } from './log-entry.ts'
import type { Interval } from './push-filter.ts'

/** Rows that one statement reads at most: about a millisecond. */
const WINDOW_ROWS = 500

export interface ChangeRange extends Interval {
  readonly filter: EntryFilter
  /** Newest first, instead of oldest first. */
  readonly descending: boolean
  readonly limit: number
}

/** Creates the reads of changes that are no pushes. */
export function createChangeReads({ orm }: Database) {
  const { sequence } = streamChanges
  const [after, before, limit] = [
    sql.placeholder('after'),
    sql.placeholder('before'),
    sql.placeholder('limit'),
  ]
  const isInside = and(gt(sequence, after), lt(sequence, before))
  const page = orm.select().from(streamChanges).where(isInside).orderBy(asc(sequence)).limit(limit).prepare()

  /** Returns the first rows of the interval. */
  const window = ({ filter, descending, ...interval }: ChangeRange): StreamChange[] => {
    const { namespace, imageStream } = filter
    const conditions: SQL[] = [gt(sequence, interval.after), lt(sequence, interval.before)]
    // the index has the changes of one stream in the order of the log; with any other filter the log itself is read
    if (namespace !== undefined && imageStream !== undefined && !isGlob(imageStream)) {
      conditions.push(eq(streamChanges.namespace, namespace), eq(streamChanges.imageStreamName, imageStream))
    }
    return orm
      .select()
      .from(streamChanges)
      .where(and(...conditions))
      .orderBy(descending ? desc(sequence) : asc(sequence))
      .limit(WINDOW_ROWS)
      .all()
  }

  return {
    /** Reads in one statement, oldest first. */
    read: (range: Interval & { readonly limit: number }): StreamChange[] => page.all({ ...range }),

    /** Reads any range in bounded statements, between which other work runs. Rejects with the signal's reason. */
    async find(range: ChangeRange, signal?: AbortSignal): Promise<StreamChange[]> {
      const found: StreamChange[] = []
      for (let rest: Interval = range; found.length < range.limit; ) {
        await turnToRead(signal)
        const rows = window({ ...range, ...rest })
        for (const row of rows)
          if (found.length < range.limit && matchesEntry(row, range.filter)) found.push(row)
        const last = rows.at(-1)
        if (!last || rows.length < WINDOW_ROWS) break
        rest = range.descending ? { ...rest, before: last.sequence } : { ...rest, after: last.sequence }
      }
      return found
    },
  }
}

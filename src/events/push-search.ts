import { EVERYTHING, type Rights } from '../access/right/rights.ts'
import type { Viewer } from '../access/right/viewer.ts'
import { turnToRead } from '../concurrency/yielding.ts'
import type { Database } from '../db/open.ts'
import { columnsOf } from '../db/statement.ts'
import { pushLog } from '../db/tables/index.ts'
import { conditionsOf, type Interval, type Push, type PushFilter, visibleConditions } from './push-filter.ts'
import { createPushSeries, type PushSeries } from './push-series.ts'

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

/** Rows that one statement reads at most, beside the keys of a series: about a millisecond. */
export const WINDOW_ROWS = 2_000
/** Windows that are read before indexes are used: enough to fill a page where many pushes match. */
const WINDOWS_BEFORE_INDEXES = 2
/** After all sequences. */
const END = Number.MAX_SAFE_INTEGER
/** Pushes of a series that are counted to choose between two series. */
const COUNTED = 5_000

const COLUMNS = columnsOf(pushLog, 'push_log')

/** Creates the reads of the log. */
export function createPushReads(
  db: Database,
  bounds: () => { readonly last: number; readonly dropped: number },
) {
  const findSeries = createPushSeries(db)

  const select = (
    condition: string,
    values: readonly (string | number)[],
    {
      rights,
      filter = {},
      descending = false,
      limit,
    }: Omit<PushRange, 'after' | 'before'> & { rights: Rights },
  ): Push[] => {
    const matching = conditionsOf(filter)
    const visible = visibleConditions(rights, 'push_log')
    const where = [condition, ...matching.where, ...visible.where].join(' and ')
    const order = descending ? 'desc' : 'asc'
    return db
      .prepare<Push>(`select ${COLUMNS} from push_log where ${where} order by sequence ${order} limit ?`)
      .all(...values, ...matching.values, ...visible.values, limit)
  }
  const readVisible = (rights: Rights, { after = 0, before = END, ...range }: PushRange): Push[] =>
    select('sequence > ? and sequence < ?', [after, before], { ...range, rights })

  /** Returns the series with the fewest pushes in the interval; undefined without one. */
  const shortest = async (
    all: readonly PushSeries[],
    interval: Interval,
    signal: AbortSignal | undefined,
  ): Promise<PushSeries | undefined> => {
    if (all.length <= 1) return all[0]
    let found: { readonly series: PushSeries; readonly count: number } | undefined
    for (const series of all) {
      const { length: count } = await series.sequences(interval, COUNTED, signal)
      if (!found || count < found.count) found = { series, count }
    }
    return found?.series
  }

  return {
    /**
     * Reads in one statement, for ranges that the caller bounds: a filter is checked on each row of the range. Reads the
     * pushes to all streams, for callers that show each viewer only those that it sees.
     */
    read: (range: PushRange): Push[] => readVisible(EVERYTHING, range),

    /**
     * Reads any range in bounded statements, between which other work runs. Pushes that are appended meanwhile are not
     * read. Pushes that are removed meanwhile may be missing. Rejects with the signal's reason once it is aborted.
     */
    async find({ rights }: Viewer, range: PushRange, signal?: AbortSignal): Promise<Push[]> {
      const { filter = {}, descending = false, limit } = range
      const { last, dropped } = bounds()
      let rest: Interval = {
        after: Math.max(range.after ?? 0, dropped),
        before: Math.min(range.before ?? last + 1, last + 1),
      }
      const found: Push[] = []
      const isDone = () => found.length >= limit || rest.after + 1 >= rest.before
      const take = (window: Interval, pushes: readonly Push[]): void => {
        for (const push of pushes) found.push(push)
        rest = descending ? { ...rest, before: window.after + 1 } : { ...rest, after: window.before - 1 }
      }

      const readRows = async (): Promise<void> => {
        await turnToRead(signal)
        const window = firstPart(rest, WINDOW_ROWS, descending)
        take(window, readVisible(rights, { ...window, filter, descending, limit: limit - found.length }))
      }
      for (let windows = 0; windows < WINDOWS_BEFORE_INDEXES && !isDone(); windows++) await readRows()
      const series = isDone()
        ? undefined
        : await shortest(await findSeries(rights, filter, { rows: last - dropped, signal }), rest, signal)
      for (let size = 4 * WINDOW_ROWS; series && !isDone(); ) {
        const window = firstPart(rest, size, descending)
        const sequences = await series.sequences(window, WINDOW_ROWS + 1, signal)
        if (sequences.length > WINDOW_ROWS) {
          // at its smallest, a window has no more sequences
          size = Math.max(size / 4, WINDOW_ROWS)
          continue
        }
        if (sequences.length < WINDOW_ROWS / 4) size *= 4
        if (sequences.length > 0) await turnToRead(signal)
        const inSeries = 'sequence in (select value from json_each(?))'
        const wanted = { filter, descending, rights, limit: limit - found.length }
        take(window, select(inSeries, [JSON.stringify(sequences)], wanted))
      }
      while (!isDone()) await readRows()
      return found
    },
  }
}

/** Returns the first part of the interval in the order of reading, of at most so many sequences. */
const firstPart = ({ after, before }: Interval, size: number, descending: boolean): Interval =>
  descending
    ? { after: Math.max(after, before - 1 - size), before }
    : { after, before: Math.min(before, after + 1 + size) }

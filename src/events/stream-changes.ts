import { and, asc, gt, lt, sql } from 'drizzle-orm'
import type { Rights } from '../access/right/rights.ts'
import type { Database } from '../db/open.ts'
import { keyset } from '../db/page.ts'
import type { Sql } from '../db/search.ts'
import { columnsOf } from '../db/statement.ts'
import { streamChanges } from '../db/tables/index.ts'
import { windowsOf } from '../db/windows.ts'
import { isGlob } from '../input/glob.ts'
import type { EntryFilter, StreamChange } from './log-entry.ts'
import { conditionsOf, type Interval, visibleConditions } from './push-filter.ts'

const COLUMNS = columnsOf(streamChanges, 'stream_changes')
const BY_SEQUENCE = [{ column: 'sequence' }] as const

export interface ChangeRange extends Interval {
  /** Only changes of streams that these rights show. */
  readonly rights: Rights
  readonly filter: EntryFilter
  /** Newest first, instead of oldest first. */
  readonly descending: boolean
  readonly limit: number
}

/** Returns the rows that an index has in the order of the log: those of one stream, or all. */
function rowsOf({ namespace, imageStream }: EntryFilter): { readonly from: string; readonly where: Sql[] } {
  if (namespace === undefined || imageStream === undefined || isGlob(imageStream)) {
    return { from: 'stream_changes', where: [] }
  }
  return {
    from: 'stream_changes indexed by stream_changes_by_stream',
    where: [{ text: 'namespace = ? and image_stream_name = ?', values: [namespace, imageStream] }],
  }
}

/** Returns the conditions on each row. */
function criteriaOf(rights: Rights, { kinds = 'ALL', ...filter }: EntryFilter): Sql {
  const all = [conditionsOf(filter), visibleConditions(rights, 'stream_changes')]
  const where = all.flatMap((one) => one.where)
  const values = all.flatMap((one) => one.values)
  if (kinds === 'ALL') return { text: ['true', ...where].join(' and '), values }
  const ofKinds = 'kind in (select value from json_each(?))'
  return { text: [ofKinds, ...where].join(' and '), values: [JSON.stringify(kinds), ...values] }
}

/** Creates the reads of changes that are no pushes. */
export function createChangeReads(db: Database) {
  const { sequence } = streamChanges
  const [after, before, limit] = [
    sql.placeholder('after'),
    sql.placeholder('before'),
    sql.placeholder('limit'),
  ]
  const isInside = and(gt(sequence, after), lt(sequence, before))
  const all = db.orm
    .select()
    .from(streamChanges)
    .where(isInside)
    .orderBy(asc(sequence))
    .limit(limit)
    .prepare()

  return {
    /** Reads in one statement, oldest first. */
    read: (range: Interval & { readonly limit: number }): StreamChange[] => all.all({ ...range }),

    /** Reads any range in bounded statements, between which other work runs. Rejects with the signal's reason. */
    async find(
      { rights, filter, descending, limit, after, before }: ChangeRange,
      signal?: AbortSignal,
    ): Promise<StreamChange[]> {
      const rows = { ...rowsOf(filter), columns: BY_SEQUENCE }
      const criteria = criteriaOf(rights, filter)
      const page = { limit, peek: false, after: [after], before: [before], fromEnd: descending }
      const found: StreamChange[] = []
      for await (const window of windowsOf(db, rows, { page, probes: 1, signal })) {
        const { condition, keys, orderBy } = keyset(window, BY_SEQUENCE)
        const conditions = [...rows.where, criteria].map(({ text }) => text)
        const matching = db
          .prepare<StreamChange>(
            `select ${COLUMNS} from ${rows.from} where ${[...condition, ...conditions].join(' and ')}
             order by ${orderBy} limit ?`,
          )
          .all(...keys, ...[...rows.where, criteria].flatMap(({ values }) => values), limit - found.length)
        for (const row of matching) found.push(row)
        if (found.length >= limit) break
      }
      return found
    },
  }
}

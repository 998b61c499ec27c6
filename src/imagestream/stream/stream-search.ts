import type { Database } from '../../db/open.ts'
import { keyset, type SortColumn } from '../../db/page.ts'
import { fewIds, probes } from '../../db/search.ts'
import { windowsOf } from '../../db/windows.ts'
import type { KeysetPage } from '../../input/page.ts'
import type { ImageStream } from '../spec/spec.ts'
import { criteriaOf, rangeOf, type StreamFilter, type StreamOrder } from './stream-criteria.ts'

/** Returns the stream's key in the order, for pages. */
export const streamKeyOf = (
  { id, namespace, name, newestAt }: ImageStream,
  order: StreamOrder,
): readonly (string | number)[] => (order === 'NAME' ? [namespace, name] : [newestAt, id])

const SORT: Record<StreamOrder, readonly SortColumn[]> = {
  NAME: [{ column: 's.namespace' }, { column: 's.name' }],
  NEWEST_FIRST: [
    { column: 's.newest_at', descending: true },
    { column: 's.id', descending: true },
  ],
}

/** Returns the index with all streams, or those of one namespace, in order. */
function indexOf(order: StreamOrder, { namespace }: StreamFilter): string {
  if (order === 'NAME') return 'image_streams_by_name'
  return namespace === undefined ? 'image_streams_by_newest' : 'image_streams_by_newest_in_namespace'
}

export interface StreamQuery extends StreamFilter {
  readonly order: StreamOrder
  readonly page: KeysetPage
}

/** Creates the searches of streams. */
export function createStreamSearch(db: Database) {
  /** Returns the read of one part of a page in one statement, and whether the part has to be bounded. */
  const readerOf = (filter: StreamFilter, order: StreamOrder) => {
    const range = rangeOf(filter, order)
    const checked = criteriaOf(filter, order)
    const few = fewIds(db, checked)
    const all = `image_streams s indexed by ${indexOf(order, filter)}`
    const from = few ? 'json_each(?) few cross join image_streams s on s.id = few.value' : all
    const ids = few ? [JSON.stringify(few)] : []
    const { where, values } = probes([...range, ...checked])
    /** Returns the results of a statement on the streams of the page that meet the filter. */
    const select = <Row>(columns: string, page: KeysetPage, isList: boolean): Row[] => {
      const { condition, keys, orderBy, limit, inOrder } = keyset(page, SORT[order])
      const end = isList ? `order by ${orderBy} limit ?` : ''
      const conditions = [...condition, ...where].join(' and ')
      const statement = `select ${columns} from ${from} where ${conditions} ${end}`
      const rows = db.prepare<Row>(statement).all(...ids, ...keys, ...values, ...(isList ? [limit] : []))
      return isList ? inOrder(rows) : rows
    }
    /** Returns the parts of the page: itself, where few streams are read or each that is read meets the filter. */
    const windows = (page: KeysetPage, signal: AbortSignal | undefined) => {
      if (few || checked.length === 0) return [page]
      const rows = { from: all, where: range.map(({ probe }) => probe), columns: SORT[order] }
      return windowsOf(db, rows, { page, probes: checked.length, signal })
    }
    return { select, windows }
  }

  return {
    /**
     * Returns a page of the streams that meet the filter, in order, with these columns of `s`. Reads in bounded statements,
     * between which other work runs.
     */
    async page(
      { order, page, ...filter }: StreamQuery,
      columns: string,
      signal?: AbortSignal,
    ): Promise<ImageStream[]> {
      const { select, windows } = readerOf(filter, order)
      const wanted = keyset(page, SORT[order]).limit
      let found: ImageStream[] = []
      for await (const window of windows(page, signal)) {
        const rest = { ...window, limit: wanted - found.length, peek: false }
        const rows = select<ImageStream>(columns, rest, true)
        found = page.fromEnd ? [...rows, ...found] : [...found, ...rows]
        if (found.length >= wanted) break
      }
      return found
    },

    /** Returns the number of streams that meet the filter, read as `page` does: changes meanwhile may be counted or not. */
    async count(filter: StreamFilter, signal?: AbortSignal): Promise<number> {
      const { select, windows } = readerOf(filter, 'NAME')
      let total = 0
      for await (const window of windows({ limit: 0 }, signal)) {
        total += select<{ total: number }>('count(*) as total', window, false)[0]?.total ?? 0
      }
      return total
    },
  }
}

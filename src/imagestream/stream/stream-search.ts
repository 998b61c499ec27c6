import type { Viewer } from '../../access/right/viewer.ts'
import type { Database } from '../../db/open.ts'
import { keyset, type SortColumn } from '../../db/page.ts'
import { fewIds, probes } from '../../db/search.ts'
import { windowsOf } from '../../db/windows.ts'
import type { KeysetPage } from '../../input/page.ts'
import type { ImageStream } from '../spec/spec.ts'
import {
  criteriaOf,
  existenceIn,
  rangeOf,
  type SearchOrder,
  type StreamFilter,
  type StreamOrder,
} from './stream-criteria.ts'
import { ALL_STREAMS, visibleStreamsBy } from './visible-streams.ts'

/** Returns the stream's key in the order, for pages. */
export const streamKeyOf = (
  { id, namespace, name, newestAt }: ImageStream,
  order: StreamOrder,
): readonly (string | number)[] => (order === 'NAME' ? [namespace, name] : [newestAt, id])

const SORT: Record<SearchOrder, readonly SortColumn[]> = {
  NAME: [{ column: 's.namespace' }, { column: 's.name' }],
  NEWEST_FIRST: [
    { column: 's.newest_at', descending: true },
    { column: 's.id', descending: true },
  ],
  LAST_DELETED: [
    { column: 's.deleted_at', descending: true },
    { column: 's.id', descending: true },
  ],
}

/** Indexes with all streams, and with those of a namespace, in orders that are not by namespace. */
const INDEX = {
  NEWEST_FIRST: { ofAll: 'image_streams_by_newest', ofNamespace: 'image_streams_by_newest_in_namespace' },
  LAST_DELETED: { ofAll: 'image_streams_by_deletion', ofNamespace: 'image_streams_deleted' },
} as const

export interface StreamQuery<Order extends SearchOrder = StreamOrder> extends StreamFilter {
  readonly order: Order
  readonly page: KeysetPage
}

/** Creates the searches of streams. */
export function createStreamSearch(db: Database) {
  /** Returns the streams to read, in order, and the criteria that are checked on each of them. */
  const rowsOf = (viewer: Viewer, filter: StreamFilter, order: SearchOrder) => {
    const { namespace } = filter
    const visible = visibleStreamsBy(viewer, namespace)
    const criteria = criteriaOf(filter, order)
    const checked = [
      ...criteria,
      ...visible.foundBy(
        order === 'LAST_DELETED' ? 'image_streams_deleted' : 'image_streams_by_name',
        existenceIn(order),
      ),
    ]
    // by name, the range has the visible streams alone
    const few = fewIds(db, order === 'NAME' ? criteria : checked)
    const rows = {
      ids: few ? [JSON.stringify(few)] : [],
      where: [],
      bounds: () => [],
      columns: SORT[order],
      checked,
    }
    if (few) return { ...rows, from: 'json_each(?) few cross join image_streams s on s.id = few.value' }
    if (order === 'NAME') return { ...rows, ...visible.range, checked: [...criteria, ...visible.ofRange] }
    const index = INDEX[order][namespace === undefined ? 'ofAll' : 'ofNamespace']
    return { ...rows, from: `image_streams s indexed by ${index}` }
  }

  /** Returns the read of one part of a page in one statement, and the parts. */
  const readerOf = (viewer: Viewer, filter: StreamFilter, order: SearchOrder) => {
    const { from, ids, bounds, columns: sort, checked, ...rows } = rowsOf(viewer, filter, order)
    const range = [...rows.where, ...rangeOf(filter, order).map(({ probe }) => probe)]
    const { where, values } = probes(checked)
    /** Returns the results of a statement on the streams of the page that meet the filter. */
    const select = <Row>(columns: string, page: KeysetPage, isList: boolean): Row[] => {
      const { condition, keys, orderBy, limit, inOrder } = keyset(page, sort)
      const bounded = [...range, ...bounds(page)]
      const end = isList ? `order by ${orderBy} limit ?` : ''
      const conditions = [...bounded.map(({ text }) => text), ...condition, ...where].join(' and ')
      const statement = `select ${columns} from ${from} where ${conditions} ${end}`
      const parameters = [...ids, ...bounded.flatMap((one) => one.values), ...keys, ...values]
      const found = db.prepare<Row>(statement).all(...parameters, ...(isList ? [limit] : []))
      return isList ? inOrder(found) : found
    }
    // a page is full soon where each stream meets the filter, and an index has the number of all streams
    const isShort = ({ limit }: KeysetPage): boolean =>
      ids.length > 0 || (checked.length === 0 && (limit > 0 || from === ALL_STREAMS.from))
    /** Returns the parts of the page, or without a limit of the whole list, that are read in one statement each. */
    const windows = (page: KeysetPage, signal: AbortSignal | undefined) =>
      isShort(page)
        ? [page]
        : windowsOf(
            db,
            { from, where: range, bounds, columns: sort },
            { page, probes: checked.length, signal },
          )
    return { select, windows }
  }

  return {
    /**
     * Returns a page of the streams that meet the filter and that the viewer sees, in order, with these columns of `s`. Reads
     * in bounded statements, between which other work runs.
     */
    async page(
      viewer: Viewer,
      { order, page, ...filter }: StreamQuery<SearchOrder>,
      columns: string,
      signal?: AbortSignal,
    ): Promise<ImageStream[]> {
      const { select, windows } = readerOf(viewer, filter, order)
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

    /** Reports whether the namespace has a stream that the viewer sees. */
    isNamespaceOf(viewer: Viewer, namespace: string): boolean {
      const one = { limit: 1, peek: false }
      return readerOf(viewer, { namespace }, 'NAME').select('s.id', one, true).length > 0
    },

    /** Returns the number of these streams, read as `page` does: changes meanwhile may be counted or not. */
    async count(
      viewer: Viewer,
      { order, ...filter }: StreamFilter & { readonly order: 'NAME' | 'LAST_DELETED' },
      signal?: AbortSignal,
    ): Promise<number> {
      const { select, windows } = readerOf(viewer, filter, order)
      let total = 0
      for await (const window of windows({ limit: 0 }, signal)) {
        total += select<{ total: number }>('count(*) as total', window, false)[0]?.total ?? 0
      }
      return total
    },
  }
}

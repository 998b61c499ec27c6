import type { Database } from '../../db/open.ts'
import { keyset, type SortColumn } from '../../db/page.ts'
import { windowsOf } from '../../db/windows.ts'
import type { KeysetPage } from '../../input/page.ts'

/** Tags, or entries of their histories, that one statement may read: about a millisecond. */
const FEW = 2_000

/** The tags of some streams, in an order that has an index. */
export interface OrderedTags {
  readonly streamIds: readonly number[]
  /** Index of `tags` that has those of one stream in order. */
  readonly index: string
  readonly order: readonly SortColumn[]
  /** Condition of the index. */
  readonly where?: string
  /** Number of conditions that are checked on each tag. */
  readonly probes: number
}

/** Creates reads of the tags of streams in bounded statements, between which other work runs, where the tags are many. */
export function createTagParts(db: Database) {
  const count = db.prepare<{ total: number }>(
    `select count(*) as total from (
       select 1 from json_each(?) o cross join tags t on t.stream_id = o.value
         left join tag_events e on e.tag_id = t.id limit ${FEW + 1})`,
  )
  const areFew = ({ streamIds }: OrderedTags): boolean =>
    (count.get(JSON.stringify(streamIds))?.total ?? 0) <= FEW

  const windows = ({ index, order, where, probes }: OrderedTags, streamId: number, page: KeysetPage) => {
    const conditions = [
      { text: 'stream_id = ?', values: [streamId] },
      ...(where === undefined ? [] : [{ text: where, values: [] }]),
    ]
    const rows = { from: `tags indexed by ${index}`, where: conditions, columns: order }
    return windowsOf(db, rows, { page, probes })
  }

  async function pageInParts<Row>(
    tags: OrderedTags,
    page: KeysetPage,
    read: (streamIds: readonly number[], page: KeysetPage) => Row[],
  ): Promise<Row[]> {
    const wanted = keyset(page, tags.order).limit
    const found: Row[] = []
    for (const id of tags.streamIds) {
      let own: Row[] = []
      for await (const window of windows(tags, id, page)) {
        const rows = read([id], { ...window, limit: wanted - own.length, peek: false })
        own = page.fromEnd ? [...rows, ...own] : [...own, ...rows]
        if (own.length >= wanted) break
      }
      for (const row of own) found.push(row)
    }
    return found
  }

  async function countInParts(
    tags: OrderedTags,
    read: (streamIds: readonly number[], window: KeysetPage) => ReadonlyMap<number, number>,
  ): Promise<Map<number, number>> {
    const totals = new Map<number, number>()
    for (const id of tags.streamIds) {
      for await (const window of windows(tags, id, { limit: 0 })) {
        const total = read([id], window).get(id) ?? 0
        if (total > 0) totals.set(id, (totals.get(id) ?? 0) + total)
      }
    }
    return totals
  }

  return {
    /** Returns a page of each stream's tags; `read` returns a page of those of some streams, in one statement. */
    page: <Row>(
      tags: OrderedTags,
      page: KeysetPage,
      read: (streamIds: readonly number[], page: KeysetPage) => Row[],
    ): Row[] | Promise<Row[]> => (areFew(tags) ? read(tags.streamIds, page) : pageInParts(tags, page, read)),

    /** Returns the number of each stream's tags; `read` counts those of some streams within a page, whatever its limit. */
    count: (
      tags: OrderedTags,
      read: (streamIds: readonly number[], window: KeysetPage) => Map<number, number>,
    ): Map<number, number> | Promise<Map<number, number>> =>
      areFew(tags) ? read(tags.streamIds, { limit: 0 }) : countInParts(tags, read),
  }
}

import type { Viewer } from '../../access/right/viewer.ts'
import type { Database } from '../../db/open.ts'
import { keyset, type SortColumn } from '../../db/page.ts'
import { probes } from '../../db/search.ts'
import { windowsOf } from '../../db/windows.ts'
import type { Tags } from '../tag/tag.ts'
import { searchTags } from '../tag/tag-search.ts'
import type { WalkedStream } from './stream-walk.ts'
import { type ListedTag, probesOf, streamCriteria, type TagListQuery } from './tag-list-query.ts'

const NEWEST_FIRST: readonly SortColumn[] = [
  { column: 'newest_at', descending: true },
  { column: 'id', descending: true },
]
const COLUMN = { IMPORTANCE: 'importance', NAME: 'name', SEMVER_DESC: 'version' } as const
const BY_NEWEST = 'tags indexed by tags_by_newest_of_all'

/** Creates the pages of tags that are not read stream by stream. */
export function createTagListPages(db: Database, tags: Tags) {
  const namesOf = db.prepare<WalkedStream>(
    'select id, namespace, name from image_streams where id in (select value from json_each(?))',
  )

  /** Returns the tags with these ids, in their order. */
  const listed = (ids: readonly number[]): ListedTag[] => {
    const found = tags.byIds(ids)
    const streamIds = [...new Set([...found.values()].map(({ streamId }) => streamId))]
    const streams = new Map(namesOf.all(JSON.stringify(streamIds)).map((stream) => [stream.id, stream]))
    return ids.flatMap((id) => {
      const tag = found.get(id)
      const stream = tag && streams.get(tag.streamId)
      return stream ? [{ ...tag, namespace: stream.namespace, streamName: stream.name }] : []
    })
  }

  return {
    /** Returns a page of these few tags, which one statement sorts. */
    few(viewer: Viewer, { order, page, ...filter }: TagListQuery, among: readonly number[]): ListedTag[] {
      const { where, values } = searchTags(db, null, filter)
      const ofStreams = probes(streamCriteria(viewer, filter))
      const sort: readonly SortColumn[] =
        order === 'NEWEST_FIRST'
          ? NEWEST_FIRST.map((column) => ({ ...column, column: `t.${column.column}` }))
          : [{ column: 's.namespace' }, { column: 's.name' }, { column: `t.${COLUMN[order]}` }]
      const { condition, keys, orderBy, limit, inOrder } = keyset(page, sort)
      const found = db
        .prepare<{ id: number }>(
          `select t.id from (select * from tags where id in (select value from json_each(?))
           and ${[...where, ...ofStreams.where].join(' and ')}) t
         join image_streams s on s.id = t.stream_id
         where ${['true', ...condition].join(' and ')} order by ${orderBy} limit ?`,
        )
        .all(JSON.stringify(among), ...values, ...ofStreams.values, ...keys, limit)
      return listed(inOrder(found).map(({ id }) => id))
    },

    /** Returns a page of the tags of all streams, newest first. */
    async newest(
      viewer: Viewer,
      { page, order: _, ...filter }: TagListQuery,
      signal: AbortSignal | undefined,
    ): Promise<ListedTag[]> {
      const { where, values } = searchTags(db, null, filter)
      const ofStreams = probes(streamCriteria(viewer, filter))
      const checked = [...where, ...ofStreams.where]
      const wanted = keyset(page, NEWEST_FIRST).limit
      const exists = { text: 'removed_at is null', values: [] }
      const rows = { from: BY_NEWEST, where: [exists], columns: NEWEST_FIRST }
      let found: number[] = []
      for await (const window of windowsOf(db, rows, { page, probes: probesOf(viewer, filter), signal })) {
        const rest = { ...window, limit: wanted - found.length, peek: false }
        const { condition, keys, orderBy, limit, inOrder } = keyset(rest, NEWEST_FIRST)
        const ids = inOrder(
          db
            .prepare<{ id: number }>(
              `select id from ${BY_NEWEST} where ${[...checked, ...condition].join(' and ')} order by ${orderBy} limit ?`,
            )
            .all(...values, ...ofStreams.values, ...keys, limit),
        ).map(({ id }) => id)
        found = page.fromEnd ? [...ids, ...found] : [...found, ...ids]
        if (found.length >= wanted) break
      }
      return listed(found)
    },
  }
}

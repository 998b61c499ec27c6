import type { Viewer } from '../../access/right/viewer.ts'
import { turnToRead } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import { keyset } from '../../db/page.ts'
import { probes } from '../../db/search.ts'
import { windowsOf } from '../../db/windows.ts'
import type { Tags } from '../tag/tag.ts'
import { searchTags } from '../tag/tag-search.ts'
import { createStreamWalk } from './stream-walk.ts'
import { createTagListPages } from './tag-list-pages.ts'
import {
  type ListedTag,
  mayBeOfFewStreams,
  probesOf,
  streamCriteria,
  type TagListFilter,
  type TagListQuery,
} from './tag-list-query.ts'
import { createTagsByStream } from './tags-by-stream.ts'

/** Lists of the tags of all streams. */
export type TagList = ReturnType<typeof createTagList>

/** Tags of few streams, which one statement sorts. */
const FEW_ROWS = 2_000

/** Creates lists of tags, which are read in bounded statements, between which other work runs. */
export function createTagList(db: Database, tags: Tags) {
  const walk = createStreamWalk(db)
  const pages = createTagListPages(db, tags)
  const byStream = createTagsByStream(db, tags, walk)
  const idsOfStreams = db.prepare<{ id: number }>(
    'select id from tags where stream_id in (select value from json_each(?)) and removed_at is null',
  )

  /** Returns the ids of all tags of the streams, where these are few; newest first, the others are not in order by stream. */
  const tagsOfFewStreams = async (
    viewer: Viewer,
    { order, namespace, stream }: TagListQuery,
    signal: AbortSignal | undefined,
  ): Promise<readonly number[] | undefined> => {
    if (order !== 'NEWEST_FIRST' || !mayBeOfFewStreams(viewer, { namespace, stream })) return undefined
    const parts = walk(viewer, { namespace, stream }, {}, { rows: () => FEW_ROWS, signal })
    const first = await parts.next()
    if (first.done) return []
    const isAll = first.value.isSmall && (await parts.next()).done
    const ids = JSON.stringify(first.value.streams.map(({ id }) => id))
    return isAll ? idsOfStreams.all(ids).map(({ id }) => id) : undefined
  }

  /** Counts through the streams, without a look at those that the viewer does not see. */
  const countByStream = async (
    viewer: Viewer,
    { namespace, stream, ...filter }: TagListFilter,
    signal: AbortSignal | undefined,
  ): Promise<number> => {
    let total = 0
    for await (const { streams, isSmall } of walk(
      viewer,
      { namespace, stream },
      {},
      { rows: () => FEW_ROWS, signal },
    )) {
      const counts = await tags[isSmall ? 'countOfStreams' : 'totalOfStreams'](
        streams.map(({ id }) => id),
        filter,
      )
      for (const count of counts.values()) total += count
    }
    return total
  }

  return {
    /** Returns a page of the tags that meet the filter in streams that the viewer sees; its keys are `tagListKeyOf(tag, order)`. */
    async page(viewer: Viewer, query: TagListQuery, signal?: AbortSignal): Promise<ListedTag[]> {
      await turnToRead(signal)
      const { order: _, page: __, ...filter } = query
      const among = searchTags(db, null, filter).among ?? (await tagsOfFewStreams(viewer, query, signal))
      if (among) return pages.few(viewer, query, among)
      return query.order === 'NEWEST_FIRST'
        ? pages.newest(viewer, query, signal)
        : byStream(viewer, query, signal)
    },

    /** Returns the number of these tags: changes meanwhile may be counted or not. */
    async count(viewer: Viewer, filter: TagListFilter, signal?: AbortSignal): Promise<number> {
      await turnToRead(signal)
      const { where, values, among } = searchTags(db, null, filter)
      const ofStreams = probes(streamCriteria(viewer, filter))
      const checked = [...where, ...ofStreams.where]
      const count = (condition: readonly string[], keys: readonly (string | number)[]): number =>
        db
          .prepare<{ total: number }>(
            `select count(*) as total from tags where ${[...condition, ...checked].join(' and ')}`,
          )
          .get(...keys, ...values, ...ofStreams.values)?.total ?? 0
      if (among) return count(['id in (select value from json_each(?))'], [JSON.stringify(among)])
      if (viewer.rights.scopes.length > 0) return countByStream(viewer, filter, signal)
      const byId = [{ column: 'id' }]
      const rows = { from: 'tags', where: [], columns: byId }
      let total = 0
      for await (const window of windowsOf(db, rows, {
        page: { limit: 0 },
        probes: probesOf(viewer, filter),
        signal,
      })) {
        const { condition, keys } = keyset(window, byId)
        total += count(condition, keys as (string | number)[])
      }
      return total
    },
  }
}

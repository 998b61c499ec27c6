import type { Database } from '../../db/open.ts'
import { keyset, pageOfEach } from '../../db/page.ts'
import type { tags as tagsTable } from '../../db/tables/index.ts'
import type { KeysetPage } from '../../input/page.ts'
import { createImageHistories, type PastTag } from './image-histories.ts'
import { countsByOwner } from './owned-rows.ts'
import { EVENT_COLUMNS, type TagEvent } from './tag-event.ts'
import { createTagParts, type OrderedTags } from './tag-parts.ts'

export interface PastTagFilter {
  /** Milliseconds since 1970. */
  readonly time: number
  /** Glob over the name. */
  readonly matching?: string | undefined
}

/** Reads of histories at a time in the past. Each takes many owners at once, so that a list needs one or two statements. */
export type LookBack = ReturnType<typeof createLookBack>

// Events ascend by id and by time, and only the id has an index. A binary search over all events finds the last one at the
// time in about 20 steps for a million events; each tag's newest event up to that id is the result. Where a clock that was
// set back has put a tag's own events out of order, the binary search is repeated over that tag's history.
const SEARCH = `
  with recursive requested (time) as (select ?),
  everything (low, high) as (
    select 0, coalesce(max(id), 0) + 1 from tag_events
    union all
    select case when e.created_at > a.time then l.low else (l.low + l.high) / 2 end,
      case when e.created_at > a.time then e.id else l.high end
    from everything l cross join requested a left join tag_events e on e.id = (
      select max(id) from tag_events where id > l.low and id <= (l.low + l.high) / 2)
    where l.high - l.low > 1
  ),
  moment (id) as (select max(low) from everything where high - low <= 1),
  search (tag_id, found, low, high) as (
    select t.id,
      case when later.created_at <= a.time then later.id when earlier.created_at <= a.time then earlier.id end,
      case when later.created_at <= a.time then later.id else 0 end,
      case when later.created_at <= a.time then (select max(id) from tag_events where tag_id = t.id) + 1
        when earlier.created_at > a.time then earlier.id else 0 end
    from requested a cross join moment m cross join json_each(?) o cross join tags t on t.id = o.value
    left join tag_events earlier on earlier.id = (
      select max(id) from tag_events where tag_id = t.id and id <= m.id)
    left join tag_events later on later.id = (
      select min(id) from tag_events where tag_id = t.id and id > m.id)
    union all
    select s.tag_id,
      case when e.created_at <= a.time then e.id else s.found end,
      case when e.created_at > a.time then s.low else (s.low + s.high) / 2 end,
      case when e.created_at > a.time then e.id else s.high end
    from search s cross join requested a left join tag_events e on e.id = (
      select max(id) from tag_events
      where tag_id = s.tag_id and id > s.low and id <= (s.low + s.high) / 2)
    where s.high - s.low > 1
  )
  select ${EVENT_COLUMNS} from search s cross join requested a cross join tag_events t on t.id = s.found
  where s.high - s.low <= 1 and (t.removed_at is null or t.removed_at > a.time)`

// A tag has an image from its first entry on, except between a removal and the next entry. No later entry is at or before
// the time if the removal is the last change.
const HAD_IMAGE =
  '(select e.created_at from tag_events e where e.tag_id = tags.id order by e.id limit 1) <= ?'
const WAS_NOT_REMOVED = `not exists (
  select 1 from tag_events r where r.id = (
      select max(id) from tag_events where tag_id = tags.id and removed_at <= ?)
    and not exists (
      select 1 from tag_events n where n.tag_id = r.tag_id and n.id > r.id and n.created_at <= ?))`
const BY_NAME = [{ column: 'name' }] as const
/** Rows that the conditions read for a tag. */
const PROBES = 4

const conditions = ({ time, matching }: PastTagFilter) => ({
  where: [...(matching ? ['matches_glob(?, name)'] : []), HAD_IMAGE, WAS_NOT_REMOVED],
  values: [...(matching ? [matching] : []), time, time, time],
})

export function createLookBack(db: Database) {
  const search = db.prepare<TagEvent>(SEARCH)
  /**
   * Returns the image that each tag pointed to at the time, by tag: the last entry of its history that is not later.
   * Tags that had no image yet, or were removed, are missing.
   */
  const eventsAt = (tagIds: readonly number[], time: number): Map<number, TagEvent> =>
    new Map(search.all(time, JSON.stringify(tagIds)).map((event) => [event.tagId, event]))

  const parts = createTagParts(db)
  const byName = (streamIds: readonly number[]): OrderedTags => ({
    streamIds,
    index: 'tags_by_name',
    order: BY_NAME,
    probes: PROBES,
  })

  /** Returns a page of each stream's tags that had an image at the time, by name; its keys are [name]. */
  const tagsAt = (streamIds: readonly number[], filter: PastTagFilter, page: KeysetPage): PastTag[] => {
    const { from, orderBy, parameters, inOrder } = pageOfEach(page, BY_NAME, {
      table: 'tags',
      owner: 'stream_id',
      ...conditions(filter),
    })
    const tags = inOrder(
      db
        .prepare<Pick<typeof tagsTable.$inferSelect, 'id' | 'streamId' | 'name'>>(
          `select t.id, t.stream_id as streamId, t.name from ${from} order by ${orderBy}`,
        )
        .all(...parameters(streamIds)),
    )
    const events = eventsAt(
      tags.map(({ id }) => id),
      filter.time,
    )
    return tags.flatMap(({ id, streamId, name }) => {
      const event = events.get(id)
      return event ? { streamId, name, event } : []
    })
  }
  /** Counts the tags of `tagsAt`; those within the window, a page of them. */
  const countTagsAt = (
    streamIds: readonly number[],
    filter: PastTagFilter,
    window: KeysetPage = { limit: 0 },
  ): Map<number, number> => {
    const { where, values } = conditions(filter)
    const { condition, keys } = keyset(window, BY_NAME)
    const rows = { table: 'tags', owner: 'stream_id', conditions: [...condition, ...where] } as const
    return countsByOwner(db, rows, streamIds, ...keys, ...values)
  }

  return {
    eventsAt,
    tagsAt,
    countTagsAt,
    /** Returns a page as `tagsAt` does, where the histories are long in bounded statements between which other work runs. */
    pageAt: (streamIds: readonly number[], filter: PastTagFilter, page: KeysetPage) =>
      parts.page(byName(streamIds), page, (ids, part) => tagsAt(ids, filter, part)),
    /** Counts as `countTagsAt` does, and reads as `pageAt` does. */
    totalAt: (streamIds: readonly number[], filter: PastTagFilter) =>
      parts.count(byName(streamIds), (ids, window) => countTagsAt(ids, filter, window)),

    ...createImageHistories(db),
  }
}

import type { Database } from '../../db/open.ts'
import { pageOfEach, type SortColumn } from '../../db/page.ts'
import { columnsOf } from '../../db/rows.ts'
import { tagEvents } from '../../db/tables/index.ts'
import type { KeysetPage } from '../../input/page.ts'
import type { TagName } from '../../oci/tag.ts'
import type { TagEvent } from './tag.ts'

/** A tag and what it meant at some time. */
export interface PastTag {
  readonly streamId: number
  readonly name: TagName
  readonly event: TagEvent
}

export interface PastTagFilter {
  /** Milliseconds since 1970. */
  readonly time: number
  /** Glob over the name. */
  readonly matching?: string | undefined
}

/** Reads of what tags meant before. Each takes many owners at once, so that a list costs one statement or two. */
export interface LookBack {
  /**
   * What each of these tags meant at that time, by tag: the entry of its history that was there then, with all later
   * ones made later. A tag that meant nothing yet is missing.
   */
  eventsAt(tagIds: readonly number[], time: number): Map<number, TagEvent>
  /** A page of those tags of each stream that meant something then, by name; its keys are [name]. */
  tagsAt(streamIds: readonly number[], filter: PastTagFilter, page: KeysetPage): PastTag[]
  countTagsAt(streamIds: readonly number[], filter: PastTagFilter): Map<number, number>
  /** A page of each image's entries in all histories, newest first; its keys are [event id]. */
  eventsOfImages(imageIds: readonly number[], page: KeysetPage): TagEvent[]
  countEventsOfImages(imageIds: readonly number[]): Map<number, number>
  /** What the tags meant before these entries of their histories, by entry; an oldest one is missing. */
  imagesBefore(eventIds: readonly number[]): Map<number, number>
  /** The newest entry of a stream's histories that has the image, with the tag whose history it is. */
  newestInStream(streamId: number, imageId: number): PastTag | undefined
  /** The newest entry of a tag's history that has the image. */
  newestOfTag(tagId: number, imageId: number): TagEvent | undefined
}

const EVENT_COLUMNS = columnsOf(tagEvents, 't', ['importId'])

// Events are in order of id and of time, and only the id is indexed. Halving all of them finds the one that was the last
// at that time in 20 looks at a million; up to that one, each tag's newest is what it meant. Where a clock that was set
// back has put a tag's own entries out of order, its history is halved in the same way.
const SEARCH = `
  with recursive asked (time) as (select ?),
  everything (low, high) as (
    select 0, coalesce(max(id), 0) + 1 from tag_events
    union all
    select case when e.created_at > a.time then l.low else (l.low + l.high) / 2 end,
      case when e.created_at > a.time then e.id else l.high end
    from everything l cross join asked a left join tag_events e on e.id = (
      select max(id) from tag_events where id > l.low and id <= (l.low + l.high) / 2)
    where l.high - l.low > 1
  ),
  moment (id) as (select max(low) from everything where high - low <= 1),
  search (tag_id, found, low, high) as (
    select t.id,
      case when later.created_at <= a.time then later.id when earlier.created_at <= a.time then earlier.id end,
      case when later.created_at <= a.time then later.id else 0 end,
      case when later.created_at <= a.time then t.newest_event_id + 1
        when earlier.created_at > a.time then earlier.id else 0 end
    from asked a cross join moment m cross join json_each(?) o cross join tags t on t.id = o.value
    left join tag_events earlier on earlier.id = (
      select max(id) from tag_events where tag_id = t.id and id <= m.id)
    left join tag_events later on later.id = (
      select min(id) from tag_events where tag_id = t.id and id > m.id)
    union all
    select s.tag_id,
      case when e.created_at <= a.time then e.id else s.found end,
      case when e.created_at > a.time then s.low else (s.low + s.high) / 2 end,
      case when e.created_at > a.time then e.id else s.high end
    from search s cross join asked a left join tag_events e on e.id = (
      select max(id) from tag_events
      where tag_id = s.tag_id and id > s.low and id <= (s.low + s.high) / 2)
    where s.high - s.low > 1
  )
  select ${EVENT_COLUMNS} from search s cross join tag_events t on t.id = s.found where s.high - s.low <= 1`

// a tag meant something from its first entry on
const MEANT_SOMETHING =
  '(select e.created_at from tag_events e where e.tag_id = tags.id order by e.id limit 1) <= ?'

const NEWEST_FIRST: readonly SortColumn[] = [{ column: 'id', descending: true }]

const conditions = ({ time, matching }: PastTagFilter) => ({
  where: [...(matching ? ['matches_glob(?, name)'] : []), MEANT_SOMETHING],
  values: [...(matching ? [matching] : []), time],
})

export function createLookBack(db: Database): LookBack {
  const search = db.prepare<TagEvent>(SEARCH)
  const before = db.prepare<{ id: number; imageId: number | null }>(
    `select e.id, (select p.image_id from tag_events p where p.tag_id = e.tag_id and p.id < e.id
       order by p.id desc limit 1) as imageId
     from tag_events e where e.id in (select value from json_each(?))`,
  )
  const newestInStream = db.prepare<TagEvent & { name: TagName }>(
    `select ${EVENT_COLUMNS}, g.name from tag_events t join tags g on g.id = t.tag_id
     where t.image_id = ? and g.stream_id = ? order by t.id desc limit 1`,
  )
  const newestOfTag = db.prepare<TagEvent>(
    `select ${EVENT_COLUMNS} from tag_events t where t.image_id = ? and t.tag_id = ? order by t.id desc limit 1`,
  )
  const counts = (text: string, parameters: readonly (string | number)[]): Map<number, number> =>
    new Map(
      db
        .prepare<{ owner: number; total: number }>(text)
        .all(...parameters)
        .map(({ owner, total }) => [owner, total]),
    )

  const eventsAt: LookBack['eventsAt'] = (tagIds, time) =>
    new Map(search.all(time, JSON.stringify(tagIds)).map((event) => [event.tagId, event]))

  return {
    eventsAt,

    tagsAt(streamIds, filter, page) {
      const { from, orderBy, parameters, inOrder } = pageOfEach(page, [{ column: 'name' }], {
        table: 'tags',
        owner: 'stream_id',
        ...conditions(filter),
      })
      const tags = inOrder(
        db
          .prepare<{ id: number; streamId: number; name: TagName }>(
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
    },

    countTagsAt(streamIds, filter) {
      const { where, values } = conditions(filter)
      return counts(
        `select stream_id as owner, count(*) as total from tags
         where stream_id in (select value from json_each(?)) and ${where.join(' and ')} group by stream_id`,
        [JSON.stringify(streamIds), ...values],
      )
    },

    eventsOfImages(imageIds, page) {
      const { from, orderBy, parameters, inOrder } = pageOfEach(page, NEWEST_FIRST, {
        table: 'tag_events',
        owner: 'image_id',
      })
      return inOrder(
        db
          .prepare<TagEvent>(`select ${EVENT_COLUMNS} from ${from} order by ${orderBy}`)
          .all(...parameters(imageIds)),
      )
    },

    countEventsOfImages: (imageIds) =>
      counts(
        `select image_id as owner, count(*) as total from tag_events
         where image_id in (select value from json_each(?)) group by image_id`,
        [JSON.stringify(imageIds)],
      ),

    imagesBefore: (eventIds) =>
      new Map(
        before
          .all(JSON.stringify(eventIds))
          .flatMap(({ id, imageId }) => (imageId === null ? [] : [[id, imageId]])),
      ),

    newestInStream(streamId, imageId) {
      const found = newestInStream.get(imageId, streamId)
      if (!found) return undefined
      const { name, ...event } = found
      return { streamId, name, event }
    },

    newestOfTag: (tagId, imageId) => newestOfTag.get(imageId, tagId),
  }
}

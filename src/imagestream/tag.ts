import type { Database } from '../db/open.ts'
import { columnsOf } from '../db/rows.ts'
import { tagConditions, tagEvents, tags as tagsTable } from '../db/tables.ts'
import type { Digest } from '../oci/digest.ts'
import type { TagName } from '../oci/tag.ts'
import { type KeysetPage, keyset, type SortColumn } from './page.ts'

export type TagEvent = typeof tagEvents.$inferSelect
export type TagCondition = typeof tagConditions.$inferSelect

/** A tag with the newest entry of its history, which is what it means now. */
export interface Tag extends Omit<typeof tagsTable.$inferSelect, 'newestImageId'> {
  readonly imageId: number | null
  readonly dockerImageReference: string | null
  readonly generation: number | null
}

/** A tag as an import left it. */
export interface ImportedTag {
  readonly eventId: number
  readonly imageId: number
  readonly generation: number
  /** What the registry answered then. */
  readonly upstreamDigest: Digest | null
  /** 1 when the last import failed, and the tag says so. */
  readonly failing: 0 | 1
}

export type TagOrder = 'IMPORTANCE' | 'NAME' | 'NEWEST_FIRST' | 'SEMVER_DESC'

export interface TagListing {
  readonly order: TagOrder
  /** Glob over the name. */
  readonly matching?: string | undefined
  readonly page: KeysetPage
}

/** Reads of tags and their histories. Each takes many owners at once, so that a list costs one statement. */
export interface Tags {
  byNames(streamId: number, names: readonly TagName[]): Tag[]
  byIds(ids: readonly number[]): Map<number, Tag>
  /** What an import compares the registry's answer with. */
  imported(streamId: number, name: TagName): ImportedTag | undefined
  /** A page of each stream's tags, in order; its keys are `keyOf(tag, order)`. */
  ofStreams(streamIds: readonly number[], listing: TagListing): Tag[]
  countOfStreams(streamIds: readonly number[], matching?: string): Map<number, number>
  /** A page of each image's tags: those that point at it now, oldest tag first; its keys are [tag id]. */
  ofImages(imageIds: readonly number[], page: KeysetPage): Tag[]
  countOfImages(imageIds: readonly number[]): Map<number, number>
  /** A page of each tag's history, newest first; its keys are [event id]. */
  events(tagIds: readonly number[], page: KeysetPage): TagEvent[]
  countEvents(tagIds: readonly number[]): Map<number, number>
  conditions(tagIds: readonly number[]): TagCondition[]
  /** Images in a stream's history, of which the digest begins so; at most `limit`. */
  digestsInHistory(
    streamId: number,
    digestPrefix: string,
    limit: number,
  ): { imageId: number; digest: string }[]
}

const SORT: Record<TagOrder, readonly SortColumn[]> = {
  IMPORTANCE: [{ column: 'importance' }],
  NAME: [{ column: 'name' }],
  NEWEST_FIRST: [
    { column: 'newest_at', descending: true },
    { column: 'id', descending: true },
  ],
  SEMVER_DESC: [{ column: 'version' }],
}

/** Where a tag stands in an order. */
export function keyOf(tag: Tag, order: TagOrder): readonly (string | number)[] {
  if (order === 'IMPORTANCE') return [tag.importance]
  if (order === 'NAME') return [tag.name]
  if (order === 'SEMVER_DESC') return [tag.version]
  return [tag.newestAt, tag.id]
}

const TAG_COLUMNS = `${columnsOf(tagsTable, 't', ['newestImageId'])}, t.newest_image_id as imageId,
  e.docker_image_reference as dockerImageReference, e.generation`
const FROM_TAGS = 'tags t left join tag_events e on e.id = t.newest_event_id'
const EVENT_COLUMNS = columnsOf(tagEvents, 'e')

export function createTags(db: Database): Tags {
  const counts = (text: string, ids: readonly number[], ...values: string[]): Map<number, number> =>
    new Map(
      db
        .prepare<{ owner: number; total: number }>(text)
        .all(...values, JSON.stringify(ids))
        .map(({ owner, total }) => [owner, total]),
    )

  return {
    byNames: (streamId, names) =>
      db
        .prepare<Tag>(
          `select ${TAG_COLUMNS} from ${FROM_TAGS}
           where t.stream_id = ? and t.name in (select value from json_each(?))`,
        )
        .all(streamId, JSON.stringify(names)),
    byIds: (ids) =>
      new Map(
        db
          .prepare<Tag>(
            `select ${TAG_COLUMNS} from ${FROM_TAGS} where t.id in (select value from json_each(?))`,
          )
          .all(JSON.stringify(ids))
          .map((tag) => [tag.id, tag]),
      ),
    imported: (streamId, name) =>
      db
        .prepare<ImportedTag>(
          `select e.id as eventId, e.image_id as imageId, e.generation, t.upstream_digest as upstreamDigest,
             exists (select 1 from tag_conditions c where c.tag_id = t.id and c.status = 'False') as failing
           from tags t join tag_events e on e.id = t.newest_event_id where t.stream_id = ? and t.name = ?`,
        )
        .get(streamId, name),
    ofStreams(streamIds, { order, matching, page }) {
      const { condition, keys, orderBy, limit, inOrder } = keyset(page, SORT[order])
      const where = ['stream_id = s.value', ...condition, ...(matching ? ['matches_glob(?, name)'] : [])]
      return inOrder(
        db
          .prepare<Tag>(
            `select ${TAG_COLUMNS} from json_each(?) s
             join tags t on t.id in
               (select id from tags where ${where.join(' and ')} order by ${orderBy} limit ?)
             left join tag_events e on e.id = t.newest_event_id
             order by ${orderBy.replace(/\b(?=\w+ (?:asc|desc))/g, 't.')}`,
          )
          .all(JSON.stringify(streamIds), ...keys, ...(matching ? [matching] : []), limit),
      )
    },
    countOfStreams: (streamIds, matching) =>
      matching
        ? counts(
            `select stream_id as owner, count(*) as total from tags where matches_glob(?, name)
             and stream_id in (select value from json_each(?)) group by stream_id`,
            streamIds,
            matching,
          )
        : counts(
            `select stream_id as owner, count(*) as total from tags
             where stream_id in (select value from json_each(?)) group by stream_id`,
            streamIds,
          ),
    ofImages(imageIds, page) {
      const { condition, keys, orderBy, limit, inOrder } = keyset(page, [{ column: 'id' }])
      return inOrder(
        db
          .prepare<Tag>(
            `select ${TAG_COLUMNS} from json_each(?) i
             join tags t on t.id in (select id from tags where ${['newest_image_id = i.value', ...condition].join(' and ')}
               order by ${orderBy} limit ?)
             left join tag_events e on e.id = t.newest_event_id
             order by t.${orderBy}`,
          )
          .all(JSON.stringify(imageIds), ...keys, limit),
      )
    },
    countOfImages: (imageIds) =>
      counts(
        `select newest_image_id as owner, count(*) as total from tags
         where newest_image_id in (select value from json_each(?)) group by newest_image_id`,
        imageIds,
      ),
    events(tagIds, page) {
      const { condition, keys, orderBy, limit, inOrder } = keyset(page, [{ column: 'id', descending: true }])
      return inOrder(
        db
          .prepare<TagEvent>(
            `select ${EVENT_COLUMNS} from json_each(?) t
             join tag_events e on e.id in (select id from tag_events
               where ${['tag_id = t.value', ...condition].join(' and ')} order by ${orderBy} limit ?)
             order by e.${orderBy}`,
          )
          .all(JSON.stringify(tagIds), ...keys, limit),
      )
    },
    countEvents: (tagIds) =>
      counts(
        `select tag_id as owner, count(*) as total from tag_events
         where tag_id in (select value from json_each(?)) group by tag_id`,
        tagIds,
      ),
    conditions: (tagIds) =>
      db
        .prepare<TagCondition>(
          `select ${columnsOf(tagConditions, 'c')} from tag_conditions c
           where c.tag_id in (select value from json_each(?)) order by c.tag_id, c.type`,
        )
        .all(JSON.stringify(tagIds)),
    digestsInHistory: (streamId, digestPrefix, limit) =>
      db
        .prepare<{ imageId: number; digest: string }>(
          `select distinct i.id as imageId, i.digest from tags t
           join tag_events e on e.tag_id = t.id join images i on i.id = e.image_id
           where t.stream_id = ? and i.digest >= ? and i.digest < ? order by i.digest limit ?`,
        )
        .all(streamId, digestPrefix, `${digestPrefix}g`, limit),
  }
}

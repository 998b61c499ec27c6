import type { Database } from '../../db/open.ts'
import { pageOfEach, type SortColumn } from '../../db/page.ts'
import { columnsOf } from '../../db/rows.ts'
import type { Parameter } from '../../db/statement.ts'
import type { tags as tagsTable } from '../../db/tables/index.ts'
import { tagConditions, tagEvents } from '../../db/tables/index.ts'
import type { KeysetPage } from '../../input/page.ts'
import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'
import type { ImageSummary } from '../image/image.ts'
import { sortKeysOf } from './tag-order.ts'
import { searchTags, type TagFilter } from './tag-search.ts'

export type TagEvent = Omit<typeof tagEvents.$inferSelect, 'importId'>
export type TagCondition = typeof tagConditions.$inferSelect

/** A tag with the newest entry of its history, which is what it means now. Lists are long: only what they show. */
export interface Tag
  extends Pick<typeof tagsTable.$inferSelect, 'id' | 'streamId' | 'name' | 'newestEventId' | 'newestAt'> {
  /** Pull spec of what it means now; null while it never had an image. */
  readonly dockerImageReference: string | null
  readonly generation: number | null
  readonly image: ImageSummary | null
}

/** A tag as an import left it. */
export interface ImportedTag {
  readonly eventId: number
  readonly imageId: number
  readonly digest: Digest
  readonly mediaType: string
  readonly generation: number
  /** What the registry answered then. */
  readonly upstreamDigest: Digest | null
  /** 1 when the last import failed, and the tag says so. */
  readonly failing: 0 | 1
}

export type TagOrder = 'IMPORTANCE' | 'NAME' | 'NEWEST_FIRST' | 'SEMVER_DESC'

export interface TagListing extends TagFilter {
  readonly order: TagOrder
  readonly page: KeysetPage
}

/** Reads of tags and their histories. Each takes many owners at once, so that a list costs one statement. */
export interface Tags {
  byIds(ids: readonly number[]): Map<number, Tag>
  /** The tags of this name. */
  named(streamIds: readonly number[], name: TagName): Tag[]
  /** What an import compares the registry's answer with. */
  imported(streamId: number, name: TagName): ImportedTag | undefined
  /** A page of those of each stream that are found, in order; its keys are `keyOf(tag, order)`. */
  ofStreams(streamIds: readonly number[], listing: TagListing): Tag[]
  countOfStreams(streamIds: readonly number[], filter?: TagFilter): Map<number, number>
  /** A page of each image's tags: those that point at it now, by stream; its keys are [stream id, tag id]. */
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
  if (order === 'IMPORTANCE') return [sortKeysOf(tag.name).importance]
  if (order === 'NAME') return [tag.name]
  if (order === 'SEMVER_DESC') return [sortKeysOf(tag.name).version]
  return [tag.newestAt, tag.id]
}

const TAG_COLUMNS = `t.id, t.stream_id, t.name, t.newest_event_id, t.newest_at, e.docker_image_reference, e.generation,
  i.id, i.digest, i.size, i.os, i.architecture, i.variant`
const WITH_NEWEST =
  'left join tag_events e on e.id = t.newest_event_id left join images i on i.id = t.newest_image_id'

const EVENT_COLUMNS = columnsOf(tagEvents, 't', ['importId'])

type TagTuple = [
  id: number,
  streamId: number,
  name: TagName,
  newestEventId: number | null,
  newestAt: number,
  dockerImageReference: string | null,
  generation: number | null,
  imageId: number | null,
  digest: Digest,
  size: number | null,
  os: string | null,
  architecture: string | null,
  variant: string | null,
]

// the list that people ask for most, and the longest: one statement, and objects made of its values at once
function toTag(tuple: unknown): Tag {
  const [id, streamId, name, newestEventId, newestAt, dockerImageReference, generation, imageId, ...rest] =
    tuple as TagTuple
  const [digest, size, os, architecture, variant] = rest
  const image = imageId === null ? null : { id: imageId, digest, size, os, architecture, variant }
  return { id, streamId, name, newestEventId, newestAt, dockerImageReference, generation, image }
}

export function createTags(db: Database): Tags {
  const readTags = (text: string, parameters: readonly Parameter[]): Tag[] =>
    db
      .prepare(text)
      .tuples(...parameters)
      .map(toTag)
  const counts = (text: string, ids: readonly number[], ...values: Parameter[]): Map<number, number> =>
    new Map(
      db
        .prepare<{ owner: number; total: number }>(text)
        .all(...values, JSON.stringify(ids))
        .map(({ owner, total }) => [owner, total]),
    )

  return {
    byIds: (ids) =>
      new Map(
        readTags(
          `select ${TAG_COLUMNS} from tags t ${WITH_NEWEST} where t.id in (select value from json_each(?))`,
          [JSON.stringify(ids)],
        ).map((tag) => [tag.id, tag]),
      ),
    named: (streamIds, name) =>
      readTags(
        `select ${TAG_COLUMNS} from tags t ${WITH_NEWEST}
         where t.stream_id in (select value from json_each(?)) and t.name = ?`,
        [JSON.stringify(streamIds), name],
      ),
    imported: (streamId, name) =>
      db
        .prepare<ImportedTag>(
          `select e.id as eventId, e.image_id as imageId, i.digest, i.media_type as mediaType, e.generation,
             t.upstream_digest as upstreamDigest,
             t.failing is not null as failing
           from tags t join tag_events e on e.id = t.newest_event_id join images i on i.id = e.image_id
           where t.stream_id = ? and t.name = ?`,
        )
        .get(streamId, name),
    ofStreams(streamIds, { order, page, ...filter }) {
      const { from, orderBy, parameters, inOrder } = pageOfEach(page, SORT[order], {
        table: 'tags',
        owner: 'stream_id',
        ...searchTags(db, streamIds, filter),
      })
      return inOrder(
        readTags(
          `select ${TAG_COLUMNS} from ${from} ${WITH_NEWEST} order by ${orderBy}`,
          parameters(streamIds),
        ),
      )
    },
    countOfStreams(streamIds, filter = {}) {
      const { where, values, among } = searchTags(db, streamIds, filter)
      const one = among ? 'id' : 'stream_id'
      return counts(
        `select stream_id as owner, count(*) as total from tags
         where ${[...where, `${one} in (select value from json_each(?))`].join(' and ')} group by stream_id`,
        among ?? streamIds,
        ...values,
      )
    },
    ofImages(imageIds, page) {
      const { from, orderBy, parameters, inOrder } = pageOfEach(
        page,
        [{ column: 'stream_id' }, { column: 'id' }],
        {
          table: 'tags',
          owner: 'newest_image_id',
        },
      )
      return inOrder(
        readTags(
          `select ${TAG_COLUMNS} from ${from} ${WITH_NEWEST} order by ${orderBy}`,
          parameters(imageIds),
        ),
      )
    },
    countOfImages: (imageIds) =>
      counts(
        `select newest_image_id as owner, count(*) as total from tags
         where newest_image_id in (select value from json_each(?)) group by newest_image_id`,
        imageIds,
      ),
    events(tagIds, page) {
      const { from, orderBy, parameters, inOrder } = pageOfEach(page, [{ column: 'id', descending: true }], {
        table: 'tag_events',
        owner: 'tag_id',
      })
      return inOrder(
        db
          .prepare<TagEvent>(`select ${EVENT_COLUMNS} from ${from} order by ${orderBy}`)
          .all(...parameters(tagIds)),
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

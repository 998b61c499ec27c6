import type { Viewer } from '../../access/right/viewer.ts'
import type { Database } from '../../db/open.ts'
import { keyset, pageOfEach, type SortColumn } from '../../db/page.ts'
import type { Parameter } from '../../db/statement.ts'
import type { images, tagEvents, tags as tagsTable } from '../../db/tables/index.ts'
import type { KeysetPage } from '../../input/page.ts'
import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'
import type { ImageSummary } from '../image/image.ts'
import { countsByOwner } from './owned-rows.ts'
import { createRemovedTags } from './removed-tags.ts'
import { createTagHistories } from './tag-event.ts'
import { sortKeysOf } from './tag-order.ts'
import { createTagParts, type OrderedTags } from './tag-parts.ts'
import { criteriaCount, isListOfImages, searchTags, type TagSearchFilter } from './tag-search.ts'
import { visibleTags } from './visible-rows.ts'

/** A tag with the image that it points to, as lists of tags need it. */
export interface Tag
  extends Pick<
    typeof tagsTable.$inferSelect,
    'id' | 'streamId' | 'name' | 'newestEventId' | 'newestAt' | 'removedAt'
  > {
  /** Pull spec of the image; null while the tag never had one. */
  readonly dockerImageReference: string | null
  readonly generation: number | null
  readonly image: ImageSummary | null
}

/** A tag as the last import stored it. */
export interface ImportedTag
  extends Pick<typeof tagsTable.$inferSelect, 'streamId' | 'upstreamDigest'>,
    Pick<typeof tagEvents.$inferSelect, 'imageId' | 'dockerImageReference' | 'generation'>,
    Pick<typeof images.$inferSelect, 'digest' | 'mediaType' | 'kind'> {
  readonly tag: TagName
  readonly eventId: number
  /** 1 when the last import failed: the tag has a condition. */
  readonly failing: 0 | 1
}

export type TagOrder = 'IMPORTANCE' | 'NAME' | 'NEWEST_FIRST' | 'SEMVER_DESC'

export interface TagQuery extends TagSearchFilter {
  readonly order: TagOrder
  readonly page: KeysetPage
}

/** Reads of tags. Each takes many owners at once, so that a list needs one statement. */
export type Tags = ReturnType<typeof createTags>

const SORT: Record<TagOrder, readonly SortColumn[]> = {
  IMPORTANCE: [{ column: 'importance' }],
  NAME: [{ column: 'name' }],
  NEWEST_FIRST: [
    { column: 'newest_at', descending: true },
    { column: 'id', descending: true },
  ],
  SEMVER_DESC: [{ column: 'version' }],
}

/** The index of the tags that are not removed, by order. */
const INDEX: Record<TagOrder, string> = {
  IMPORTANCE: 'tags_by_importance',
  NAME: 'tags_by_name',
  NEWEST_FIRST: 'tags_by_newest',
  SEMVER_DESC: 'tags_by_version',
}

/** Returns the tags that a search checks, and how many criteria it checks on each. */
const searched = (streamIds: readonly number[], order: TagOrder, filter: TagSearchFilter): OrderedTags => ({
  streamIds,
  index: INDEX[order],
  order: SORT[order],
  where: 'removed_at is null',
  probes: criteriaCount(filter),
})

const BY_STREAM: readonly SortColumn[] = [{ column: 'stream_id' }, { column: 'id' }]

/** Returns the tag's key in the order, for pages. */
export function keyOf(tag: Tag, order: TagOrder): readonly (string | number)[] {
  if (order === 'IMPORTANCE') return [sortKeysOf(tag.name).importance]
  if (order === 'NAME') return [tag.name]
  if (order === 'SEMVER_DESC') return [sortKeysOf(tag.name).version]
  return [tag.newestAt, tag.id]
}

const TAG_COLUMNS = `t.id, t.stream_id, t.name, t.newest_event_id, t.newest_at, t.removed_at, e.docker_image_reference, e.generation,
  i.id, i.digest, i.size, i.os, i.architecture, i.variant`
const WITH_NEWEST =
  'left join tag_events e on e.id = t.newest_event_id left join images i on i.id = t.newest_image_id'

const IMPORTED = `select t.stream_id as streamId, t.name as tag, e.id as eventId, e.image_id as imageId,
    e.docker_image_reference as dockerImageReference, e.generation, i.digest, i.media_type as mediaType, i.kind,
    t.upstream_digest as upstreamDigest, t.failing is not null as failing
  from tags t join tag_events e on e.id = t.newest_event_id join images i on i.id = e.image_id
  where t.stream_id = ?`

type TagTuple = [
  id: number,
  streamId: number,
  name: TagName,
  newestEventId: number | null,
  newestAt: number,
  removedAt: number | null,
  dockerImageReference: string | null,
  generation: number | null,
  imageId: number | null,
  digest: Digest,
  size: number | null,
  os: string | null,
  architecture: string | null,
  variant: string | null,
]

// lists of tags are the most frequent and longest reads: objects are made from the values of one statement
function toTag(tuple: unknown): Tag {
  const [id, streamId, name, newestEventId, newestAt, removedAt, ...newest] = tuple as TagTuple
  const [dockerImageReference, generation, imageId, digest, size, os, architecture, variant] = newest
  const image = imageId === null ? null : { id: imageId, digest, size, os, architecture, variant }
  return { id, streamId, name, newestEventId, newestAt, removedAt, dockerImageReference, generation, image }
}

export function createTags(db: Database) {
  const readTags = (from: string, parameters: readonly Parameter[]): Tag[] =>
    db
      .prepare(`select ${TAG_COLUMNS} from ${from}`)
      .tuples(...parameters)
      .map(toTag)
  /** Returns a page of each owner's tags, in this order. */
  const pageOf = (
    page: KeysetPage,
    order: readonly SortColumn[],
    rows: Omit<Parameters<typeof pageOfEach>[2], 'table'>,
    ids: readonly number[],
  ): Tag[] => {
    const { from, orderBy, parameters, inOrder } = pageOfEach(page, order, { table: 'tags', ...rows })
    return inOrder(readTags(`${from} ${WITH_NEWEST} order by ${orderBy}`, parameters(ids)))
  }
  const imported = db.prepare<ImportedTag>(`${IMPORTED} and t.name = ?`)
  const importedFrom = db.prepare<ImportedTag>(
    `${IMPORTED} and instr(e.docker_image_reference, ?) = 1 order by t.name`,
  )
  const repositories = db.prepare<Pick<Tag, 'streamId'> & { repository: string }>(
    `select distinct t.stream_id as streamId,
       substr(e.docker_image_reference, 1, instr(e.docker_image_reference, '@') - 1) as repository
     from tags t join tag_events e on e.id = t.newest_event_id
     where t.stream_id in (select value from json_each(?)) and instr(e.docker_image_reference, ?) = 1`,
  )

  const parts = createTagParts(db)

  /** Returns a page of each stream's tags that meet the filter, in order; its keys are `keyOf(tag, order)`. */
  const ofStreams = (streamIds: readonly number[], { order, page, ...filter }: TagQuery): Tag[] => {
    const rows = { owner: 'stream_id', ...searchTags(db, streamIds, filter) }
    return pageOf(page, SORT[order], rows, streamIds)
  }
  /** Returns the number of each stream's tags that meet the filter; those within the window, a page by name. */
  const countOfStreams = (
    streamIds: readonly number[],
    filter: TagSearchFilter = {},
    window: KeysetPage = { limit: 0 },
  ): Map<number, number> => {
    const { where, values, among } = searchTags(db, streamIds, filter)
    const { condition, keys } = keyset(window, SORT.NAME)
    const rows = { table: 'tags', owner: 'stream_id', conditions: [...condition, ...where] } as const
    return among
      ? countsByOwner(db, { ...rows, by: 'id' }, among, ...keys, ...values)
      : countsByOwner(db, rows, streamIds, ...keys, ...values)
  }

  return {
    ...createTagHistories(db),
    ...createRemovedTags(db, pageOf),
    /** Returns the tags with these ids, removed ones included: entries of histories refer to them. */
    byIds(ids: readonly number[]): Map<number, Tag> {
      const isOne = 't.id in (select value from json_each(?))'
      const tags = readTags(`tags t ${WITH_NEWEST} where ${isOne}`, [JSON.stringify(ids)])
      return new Map(tags.map((tag) => [tag.id, tag]))
    },
    /** Returns the tags of this name. */
    named(streamIds: readonly number[], name: TagName): Tag[] {
      const isOne = 't.stream_id in (select value from json_each(?)) and t.name = ?'
      return readTags(`tags t ${WITH_NEWEST} where ${isOne} and t.removed_at is null`, [
        JSON.stringify(streamIds),
        name,
      ])
    },
    /** Returns the tags of these names in their streams, removed ones included; the keys are `${streamId} ${name}`. */
    atNames(names: readonly { readonly streamId: number; readonly tag: TagName | null }[]): Map<string, Tag> {
      const isOne = '(t.stream_id, t.name) in (select value ->> 0, value ->> 1 from json_each(?))'
      const pairs = names.map(({ streamId, tag }) => [streamId, tag])
      const found = readTags(`tags t ${WITH_NEWEST} where ${isOne}`, [JSON.stringify(pairs)])
      return new Map(found.map((tag) => [`${tag.streamId} ${tag.name}`, tag]))
    },
    /** Returns what an import compares the registry's response with; undefined while the tag has no image. */
    imported: (streamId: number, name: TagName): ImportedTag | undefined => imported.get(streamId, name),
    /** Returns the stream's tags whose pull spec starts with the text, by name. */
    importedFrom: (streamId: number, start: string): ImportedTag[] => importedFrom.all(streamId, start),
    /** Returns the repositories of each stream's pull specs that start with the text. */
    repositories: (streamIds: readonly number[], start: string) =>
      repositories.all(JSON.stringify(streamIds), start),
    ofStreams,
    countOfStreams,
    /** Returns a page as `ofStreams` does, where the tags are many in bounded statements between which other work runs. */
    pageOfStreams(
      streamIds: readonly number[],
      { order, page, ...filter }: TagQuery,
    ): Tag[] | Promise<Tag[]> {
      const tags = searched(streamIds, order, filter)
      const read = (ids: readonly number[], part: KeysetPage) =>
        ofStreams(ids, { ...filter, order, page: part })
      // most tags are images: a page of them is full soon
      return isListOfImages(filter) ? read(streamIds, page) : parts.page(tags, page, read)
    },
    /** Counts as `countOfStreams` does, and reads as `pageOfStreams` does. */
    totalOfStreams: (streamIds: readonly number[], filter: TagSearchFilter) =>
      parts.count(searched(streamIds, 'NAME', filter), (ids, window) => countOfStreams(ids, filter, window)),
    /** Returns a page of the visible tags that point to each image, in order of stream; its keys are [stream id, tag id]. */
    ofImages: (viewer: Viewer, imageIds: readonly number[], page: KeysetPage): Tag[] =>
      pageOf(page, BY_STREAM, { owner: 'newest_image_id', ...visibleTags(viewer) }, imageIds),
    countOfImages(viewer: Viewer, imageIds: readonly number[]): Map<number, number> {
      const { where, values } = visibleTags(viewer)
      const rows = { table: 'tags', owner: 'newest_image_id', conditions: where } as const
      return countsByOwner(db, rows, imageIds, ...values)
    },
  }
}

import type { Database } from '../../db/open.ts'
import { specTags, type tagEvents, type tags } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import type { TagName } from '../../oci/tag.ts'
import { SPEC_TAG_FIELDS } from '../spec/spec-difference.ts'
import { createConditionRows } from './condition-rows.ts'
import type { TagChange } from './tag-change.ts'
import { sortKeysOf } from './tag-order.ts'

type Nullable<Row> = { [Column in keyof Row]: Row[Column] | null }

/** A tag before a change; the columns of its newest event are null while it has none. */
export interface TagState
  extends Pick<typeof tags.$inferSelect, 'id' | 'name' | 'upstreamDigest' | 'removedAt'>,
    Nullable<Pick<typeof tagEvents.$inferSelect, 'imageId' | 'dockerImageReference' | 'generation'>> {
  readonly eventId: number | null
  /** 1 when the tag has a condition. */
  readonly failing: 0 | 1
}

// a tag has a copy of its image's platforms: tags are searched by them
const PLATFORMS = '(select platforms from images where id = ?)'
/** 1 when the tag's image is an artifact, or its name is that of referrers. */
const isArtifact = (name: string): string =>
  `is_referrers_tag(${name}) or ifnull((select kind = 'ARTIFACT' from images where id = ?), 0)`

/** The content of a spec tag, as arguments of `json_object`. */
const SPEC_COLUMNS = SPEC_TAG_FIELDS.map((field) => `'${field}', p.${specTags[field].name}`).join(', ')

/** Creates the writes of `tags`, a row with the newest image of each tag. Runs inside a transaction. */
export function createTagRows(db: Database) {
  const conditions = createConditionRows(db)
  const state = `
    select t.id, t.name, t.removed_at as removedAt, t.upstream_digest as upstreamDigest, e.id as eventId,
      e.image_id as imageId, e.docker_image_reference as dockerImageReference, e.generation, t.failing is not null as failing
    from tags t left join tag_events e on e.id = t.newest_event_id where t.stream_id = ?`
  const find = db.prepare<TagState>(`${state} and t.name = ?`)
  const ofStream = db.prepare<TagState>(`${state} and t.removed_at is null`)
  const insert = db.prepare(
    `insert into tags (stream_id, name, importance, version, newest_at, newest_image_id, upstream_digest, platforms,
       artifact) values (?, ?, ?, ?, ?, ?, ?, ${PLATFORMS}, ${isArtifact('?')})`,
  )
  const setEvent = db.prepare('update tags set newest_event_id = ? where id = ?')
  const setNewest = db.prepare(
    `update tags set newest_event_id = ?, newest_at = ?, newest_image_id = ?, upstream_digest = ?,
       platforms = ${PLATFORMS}, artifact = ${isArtifact('name')}, removed_at = null, removed_spec = null where id = ?`,
  )
  const setImage = db.prepare(
    `update tags set newest_image_id = ?, upstream_digest = ?, platforms = ${PLATFORMS},
       artifact = ${isArtifact('name')} where id = ?`,
  )
  const setRemoved = db.prepare(
    `update tags set removed_at = ?, newest_event_id = null, newest_at = 0, newest_image_id = null, upstream_digest = null,
       platforms = null, failing = null, missing_since = null, gone_at = null, removed_spec = (
         select json_object(${SPEC_COLUMNS}) from spec_tags p where p.stream_id = tags.stream_id and p.name = tags.name)
     where id in (select value from json_each(?))`,
  )
  const deleteWithoutHistory = db.prepare(
    `delete from tags as t where id in (select value from json_each(?))
       and not exists (select 1 from tag_events where tag_id = t.id)
       and not exists (select 1 from reported_moves where tag_id = t.id)`,
  )
  const setRestored = db.prepare(
    'update tags set removed_at = null, removed_spec = null where id in (select value from json_each(?))',
  )
  const deletePruned = db.prepare(
    `delete from tags as t where removed_at is not null and id in (select value from json_each(?))
       and not exists (select 1 from tag_events where tag_id = t.id)`,
  )

  return {
    find: (streamId: number, tag: TagName): TagState | undefined => find.get(streamId, tag),
    /** Returns all tags of the stream that are not removed. */
    ofStream: (streamId: number): TagState[] => ofStream.all(streamId),
    /** Inserts a tag, without an event yet. Returns its id. */
    insert(streamId: number, tag: TagName, change: TagChange | null): number {
      const { importance, version } = sortKeysOf(tag)
      const { at = 0, imageId = null, upstreamDigest = null } = change ?? {}
      const sorted = [importance, version, at] as const
      return insert.insert(streamId, tag, ...sorted, imageId, upstreamDigest, imageId, tag, imageId)
    },
    setEvent: (id: number, eventId: number): void => void setEvent.run(eventId, id),
    setNewest: (id: number, eventId: number, { at, imageId, upstreamDigest }: TagChange): void =>
      void setNewest.run(eventId, at, imageId, upstreamDigest, imageId, imageId, id),
    /** Sets the image and the upstream digest, and keeps the event. */
    setImage: (
      id: number,
      { imageId, upstreamDigest }: Pick<TagChange, 'imageId' | 'upstreamDigest'>,
    ): void => void setImage.run(imageId, upstreamDigest, imageId, imageId, id),
    /** Marks the tags as removed, each with its spec tag; those without a history, observed or reported, are deleted. */
    remove(ids: readonly number[], at: number): void {
      const tags = JSON.stringify(ids)
      conditions.delete(ids)
      deleteWithoutHistory.run(tags)
      setRemoved.run(at, tags)
    },
    /** Restores removed tags without an image. */
    restore: (ids: readonly number[]): void => void setRestored.run(JSON.stringify(ids)),
    /** Deletes those of the tags that are removed and have no history of their own. */
    deletePruned: (ids: readonly number[]): void => void deletePruned.run(JSON.stringify(ids)),
  }
}

/** Creates the writes of the versions of streams. */
export function createStreamVersions(db: Database) {
  const raise = db.prepare(`
    update image_streams as s set resource_version = resource_version + 1,
      newest_at = max(newest_at, coalesce((select max(newest_at) from tags where stream_id = s.id and removed_at is null), 0)) where id = ?`)
  const raiseGeneration = db.prepare('update image_streams set generation = generation + 1 where id = ?')
  return {
    /** Raises the resource version once in the transaction. */
    raise: (tx: Transaction, streamId: number): void =>
      tx.beforeCommit(`raise the version of stream ${streamId}`, () => raise.run(streamId)),
    raiseGeneration: (streamId: number): void => void raiseGeneration.run(streamId),
  }
}

import { type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import type { Digest } from '../../oci/digest.ts'

/** How far an image is behind the newest of its tag. */
export interface Lag {
  readonly entriesBehind: number
  /** Milliseconds. */
  readonly timeBehind: number
}

/** An image that runs where a tag is followed. */
interface TaggedDigest {
  readonly tagId: number
  readonly digest: Digest
}

/** The newest entries of a history, which are compared. */
const MAX_ENTRIES = 1_000

const keyOf = ({ tagId, digest }: TaggedDigest): string => `${tagId} ${digest}`

/**
 * Returns a function that compares images with the histories of tags, all in one statement; its result returns null for an image
 * that the newest entries of the history do not have. A node may report the image of its platform where the tag points to an index, and the other
 * way round.
 */
export function createLags({ orm }: Database) {
  return (images: readonly TaggedDigest[]): ((image: TaggedDigest) => Lag | null) => {
    const distinct = [...new Map(images.map((image) => [keyOf(image), image])).values()]
    const wanted = JSON.stringify(distinct.map(({ tagId, digest }) => [tagId, digest]))
    const rows = orm.all<TaggedDigest & Lag>(sql`
      select t.id as tagId, wanted.digest, max(0, t.newest_at - e.created_at) as timeBehind,
        (select count(*) from tag_events where tag_id = t.id and id > e.id) as entriesBehind
      from (select value ->> 0 as tag_id, value ->> 1 as digest from json_each(${wanted})) wanted
        cross join tags t on t.id = wanted.tag_id and t.newest_event_id is not null
        cross join tag_events e on e.id = (
          select id from (
            select id, image_id from tag_events where tag_id = t.id order by id desc limit ${MAX_ENTRIES})
          where image_id in (
            select id from images where digest = wanted.digest
            union all select c.index_id from images i join image_children c on c.image_id = i.id
              where i.digest = wanted.digest
            union all select c.image_id from images i join image_children c on c.index_id = i.id
              where i.digest = wanted.digest)
          order by id desc limit 1)`)
    const lags = new Map(
      rows.map(({ entriesBehind, timeBehind, ...image }) => [keyOf(image), { entriesBehind, timeBehind }]),
    )
    return (image) => lags.get(keyOf(image)) ?? null
  }
}

/**
 * The condition that pods of the container `c` (a row of `workload_containers`) run another image than the one that its tag
 * points to. Most run the same digest, which is compared first.
 */
export const IS_BEHIND: SQL = sql`exists (
  select 1 from image_streams s
    cross join tags t on t.stream_id = s.id and t.name = c.tag and t.removed_at is null
    cross join images n on n.id = t.newest_image_id
    cross join workload_images r on r.workload_id = c.workload_id and r.container = c.name and r.digest <> n.digest
  where s.namespace = c.stream_namespace and s.name = c.stream_name and s.deleted_at is null
    and not exists (select 1 from images i join image_children h on h.image_id = i.id and h.index_id = n.id
      where i.digest = r.digest)
    and not exists (select 1 from images i join image_children h on h.index_id = i.id and h.image_id = n.id
      where i.digest = r.digest))`

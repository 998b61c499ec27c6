import { sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'

/** How far an image is behind the newest of its tag. */
export interface Lag {
  readonly entriesBehind: number
  /** Milliseconds. */
  readonly timeBehind: number
}

/** Entries that are counted at most. */
const MAX_ENTRIES = 1_000

/** The ids of an image, of the indexes that have it for a platform, and of the images of an index. */
const sameImages = (digest: string) => sql`
  select id from images where digest = ${digest}
  union all select c.index_id from images i join image_children c on c.image_id = i.id where i.digest = ${digest}
  union all select c.image_id from images i join image_children c on c.index_id = i.id where i.digest = ${digest}`

/**
 * Returns a function that compares an image with the history of a tag; null if the tag does not exist, and for an image that
 * its history does not have. A node may report the image of its platform where the tag points to an index, and the other way
 * round.
 */
export const createLagOf =
  ({ orm }: Database) =>
  (tagId: number, digest: string): Lag | null => {
    const entry = orm.get<{ id: number; at: number; newest: number; newestAt: number } | undefined>(sql`
      select e.id, e.created_at as at, t.newest_event_id as newest, t.newest_at as newestAt
      from tags t join tag_events e on e.tag_id = t.id
      where t.id = ${tagId} and t.newest_event_id is not null and e.image_id in (${sameImages(digest)})
      order by e.id desc limit 1`)
    if (!entry) return null
    const later = orm.get<{ total: number }>(sql`
      select count(*) as total from (
        select id from tag_events where tag_id = ${tagId} and id > ${entry.id} limit ${MAX_ENTRIES})`)
    return { entriesBehind: later.total, timeBehind: Math.max(0, entry.newestAt - entry.at) }
  }

/**
 * The condition that pods of the container `c` (a row of `workload_containers`) run another image than the one that its tag
 * points to.
 */
export const IS_BEHIND = sql`exists (
  select 1 from image_streams s join tags t on t.stream_id = s.id and t.name = c.tag and t.removed_at is null
  where s.namespace = c.stream_namespace and s.name = c.stream_name and s.deleted_at is null
    and t.newest_image_id is not null and exists (
      select 1 from workload_images r where r.workload_id = c.workload_id and r.container = c.name
        and t.newest_image_id not in (
          select id from images where digest = r.digest
          union all select ch.index_id from images i join image_children ch on ch.image_id = i.id where i.digest = r.digest
          union all select ch.image_id from images i join image_children ch on ch.index_id = i.id where i.digest = r.digest)))`

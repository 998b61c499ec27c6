import { sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'
import type { Repository } from './content.ts'

/**
 * Returns a function for the tags of a repository's stream that need a manifest or a blob: it is their image, or part of it,
 * directly or through the images of an index.
 */
export const createTagsWithContent =
  ({ orm }: Database) =>
  ({ id, streamId }: Repository, digest: Digest): readonly TagName[] =>
    orm
      .all<{ name: TagName }>(sql`
        with recursive holders (digest, image_id) as (
          select ${digest}, (select image_id from repository_manifests where repository_id = ${id} and digest = ${digest})
          union
          select m.digest, m.image_id from holders h
            cross join manifest_references f on f.digest = h.digest
            cross join repository_manifests m on m.image_id = f.image_id and m.repository_id = ${id})
        select distinct t.name from holders h
          cross join tags t on t.newest_image_id = h.image_id and t.stream_id = ${streamId}`)
      .map(({ name }) => name)

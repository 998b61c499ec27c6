import { sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import type { Digest } from '../../oci/digest.ts'

/** Holders that are named; a common base layer can be in each image. */
const MAX_HOLDERS = 100

/** Returns what needs stored content: `namespace/name:tag` of tags, and `namespace/name` of repositories; at most 100. */
export type HoldersOf = (digest: Digest) => readonly string[]

/** Creates the lookup of what needs a blob, a manifest or a config: tags whose image contains it, else its repositories. */
export function createHolders({ orm }: Pick<Database, 'orm'>): HoldersOf {
  // an image contains its own bytes and what it refers to, an index also what its children contain
  const ofTags = (digest: Digest) => sql<{ holder: string }>`
    with recursive holding (image_id) as (
      select image_id from manifest_references where digest = ${digest}
      union select id from images where digest = ${digest} or config_digest = ${digest}
      union select f.image_id from holding h
        join images i on i.id = h.image_id join manifest_references f on f.digest = i.digest)
    select s.namespace || '/' || s.name || ':' || t.name as holder from holding h
      cross join tags t on t.newest_image_id = h.image_id and t.removed_at is null
      cross join image_streams s on s.id = t.stream_id
    where s.deleted_at is null order by holder limit ${MAX_HOLDERS}`
  const ofRepositories = (digest: Digest) => sql<{ holder: string }>`
    select r.namespace || '/' || r.name as holder from (
        select repository_id from repository_blobs where digest = ${digest}
        union select repository_id from repository_manifests m join images i on i.id = m.image_id
          where i.digest = ${digest} or i.config_digest = ${digest}) l
      cross join repositories r on r.id = l.repository_id
    order by holder limit ${MAX_HOLDERS}`
  return (digest) => {
    const tags = orm.all<{ holder: string }>(ofTags(digest)).map(({ holder }) => holder)
    const repositories = orm.all<{ holder: string }>(ofRepositories(digest)).map(({ holder }) => holder)
    // a repository without such a tag serves it by digest
    const untagged = repositories.filter((name) => !tags.some((tag) => tag.startsWith(`${name}:`)))
    return [...tags, ...untagged].slice(0, MAX_HOLDERS)
  }
}

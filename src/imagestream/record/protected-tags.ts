import { sql } from 'drizzle-orm'
import { createTagGuard } from '../../access/protection/tag-guard.ts'
import type { Viewer } from '../../access/right/viewer.ts'
import type { Database } from '../../db/open.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { TagName } from '../../oci/tag.ts'

/** A stream whose tags change. */
export type StreamOfTags = StreamName & { readonly id: number }

/** Creates the check that tags are not protected from the viewer. */
export function createProtectedTags(db: Database) {
  const guard = createTagGuard(db)
  // a reference is resolved to its own pull spec, instead of to an image of the tag
  const pointing = ({ id }: StreamOfTags, names: readonly TagName[]): TagName[] =>
    db.orm
      .all<{ name: TagName }>(sql`
        select j.value as name from json_each(${JSON.stringify(names)}) j
        where exists (select 1 from tags t
            where t.stream_id = ${id} and t.name = j.value and t.newest_image_id is not null)
          or exists (select 1 from spec_tags p
            where p.stream_id = ${id} and p.name = j.value and p.reference and p.from_kind = 'DockerImage')`)
      .map(({ name }) => name)
  return {
    /**
     * Throws TagProtectedError for the first of the tags that has an image, or is a reference to a registry, and may not be
     * moved or removed by the viewer. A tag that is neither can be created.
     */
    requireMovable: (viewer: Viewer, stream: StreamOfTags, tags: () => readonly TagName[]): void =>
      guard.require(viewer, stream, () => pointing(stream, tags())),
  }
}

import { asc, gt, sql } from 'drizzle-orm'
import { BATCH, inBatches, yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import { repositories } from '../../db/tables/index.ts'
import type { Repository } from '../../registry/content/content.ts'
import { pagesOf } from '../kept/pages.ts'
import type { CollectionTerms } from './terms.ts'

/** Images, with about ten references each, whose references are removed in one transaction. */
const IMAGES = BATCH / 10

const listOf = (ids: readonly number[]) => sql`(select value from json_each(${JSON.stringify(ids)}))`

/** Yields the repositories with at least this id in pages, in the order of their creation. */
export function repositoryPages(
  { orm }: Database,
  signal: AbortSignal,
  from = 0,
): AsyncGenerator<readonly Repository[]> {
  const { id, namespace, name, streamId } = repositories
  const read = (after = from - 1): Repository[] =>
    orm
      .select({ id, namespace, name, streamId })
      .from(repositories)
      .where(gt(id, after))
      .orderBy(asc(id))
      .limit(BATCH)
      .all()
  return pagesOf('id', read, signal)
}

/** Removes repositories without content and without a stream; that frees little space. */
export async function removeEmptyRepositories(
  db: Database,
  { leaseStart }: CollectionTerms,
  signal: AbortSignal,
): Promise<void> {
  for await (const rows of repositoryPages(db, signal)) {
    db.transact(() =>
      db.orm.run(sql`
        delete from repositories where id in ${listOf(rows.map(({ id }) => id))}
          and stream_id is null and created_at < ${leaseStart}
          and not exists (select 1 from repository_manifests m where m.repository_id = repositories.id)
          and not exists (select 1 from repository_blobs b where b.repository_id = repositories.id)`),
    )
  }
}

/** Removes references of manifests that no repository has; that frees little space. */
export async function removeUnusedReferences(db: Database, signal: AbortSignal): Promise<void> {
  // steps from image to image by the key: a plain distinct would read every reference of each image
  const images = (after = 0) =>
    db.orm.all<{ imageId: number; isLinked: 0 | 1 }>(sql`
      with recursive next (image_id) as (
        select min(image_id) from manifest_references where image_id > ${after}
        union all select (select min(image_id) from manifest_references r where r.image_id > next.image_id)
        from next where image_id is not null limit ${BATCH})
      select image_id as imageId,
        exists (select 1 from repository_manifests m where m.image_id = next.image_id) as isLinked
      from next where image_id is not null`)
  for await (const rows of pagesOf('imageId', images, signal)) {
    const unlinked = rows.filter(({ isLinked }) => isLinked === 0).map(({ imageId }) => imageId)
    for (const batch of inBatches(unlinked, IMAGES)) {
      db.transact(() =>
        db.orm.run(sql`
          delete from manifest_references where image_id in ${listOf(batch)} and not exists (
            select 1 from repository_manifests m where m.image_id = manifest_references.image_id)`),
      )
      await yieldToEventLoop(signal)
    }
  }
}

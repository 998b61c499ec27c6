import { and, eq, isNull, lt, notExists, sql } from 'drizzle-orm'
import { BATCH, inBatches, yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import {
  manifestReferences,
  repositories,
  repositoryBlobs,
  repositoryManifests,
} from '../../db/tables/index.ts'
import { pagesOf } from '../kept/pages.ts'
import type { RepositoryPages } from './repositories.ts'
import type { CollectionTerms } from './terms.ts'

/** Rows that are no longer used; removing them frees little space. */
export interface RemainsCollection {
  /** Removes repositories without content and without a stream. */
  removeEmptyRepositories(terms: CollectionTerms, signal: AbortSignal | undefined): Promise<void>
  /** Removes references of manifests that no repository has. */
  removeUnusedReferences(signal: AbortSignal | undefined): Promise<void>
}

/** Images, with about ten references each, whose references are removed in one transaction. */
const IMAGES = BATCH / 10

export function createRemainsCollection(db: Database, repositoryPages: RepositoryPages): RemainsCollection {
  const { orm } = db
  const found = { found: sql`1` }
  const removeEmpty = orm
    .delete(repositories)
    .where(
      and(
        eq(repositories.id, sql.placeholder('id')),
        isNull(repositories.streamId),
        lt(repositories.createdAt, sql.placeholder('before')),
        notExists(
          orm
            .select(found)
            .from(repositoryManifests)
            .where(eq(repositoryManifests.repositoryId, repositories.id)),
        ),
        notExists(
          orm.select(found).from(repositoryBlobs).where(eq(repositoryBlobs.repositoryId, repositories.id)),
        ),
      ),
    )
    .prepare()
  // steps from image to image by the key: a plain distinct would read every reference of each image
  const images = db.prepare<{ imageId: number }>(
    `with recursive next (image_id) as (
       select min(image_id) from manifest_references where image_id > ?
       union all select (select min(image_id) from manifest_references r where r.image_id > next.image_id)
       from next where image_id is not null limit ${BATCH}
     ) select image_id as imageId from next where image_id is not null`,
  )
  const links = orm
    .select(found)
    .from(repositoryManifests)
    .where(eq(repositoryManifests.imageId, sql.placeholder('imageId')))
    .limit(1)
    .prepare()
  const removeReferences = orm
    .delete(manifestReferences)
    .where(
      and(
        eq(manifestReferences.imageId, sql.placeholder('imageId')),
        notExists(
          orm
            .select(found)
            .from(repositoryManifests)
            .where(eq(repositoryManifests.imageId, manifestReferences.imageId)),
        ),
      ),
    )
    .prepare()

  return {
    async removeEmptyRepositories({ leaseStart }, signal) {
      for await (const rows of repositoryPages(signal)) {
        db.transact(() => {
          for (const { id } of rows) removeEmpty.run({ id, before: leaseStart })
        })
      }
    },

    async removeUnusedReferences(signal) {
      const paging = { first: 0, read: (after: number) => images.all(after) }
      for await (const rows of pagesOf({ ...paging, keyOf: ({ imageId }) => imageId }, signal)) {
        const unlinked = rows.filter(({ imageId }) => links.get({ imageId }) === undefined)
        for (const batch of inBatches(unlinked, IMAGES)) {
          db.transact(() => {
            for (const { imageId } of batch) removeReferences.run({ imageId })
          })
          await yieldToEventLoop(signal)
        }
      }
    },
  }
}

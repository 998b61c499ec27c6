import { BATCH, inBatches, yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import type { RepositoryPages } from './repositories.ts'
import type { Terms } from './terms.ts'

/** Rows that mean nothing any more; they free no bytes worth telling. */
export interface RemainsCollection {
  /** Repositories with nothing in them and no stream. */
  sweepRepositories(terms: Terms, signal: AbortSignal | undefined): Promise<void>
  /** What is named by manifests that no repository has any more. */
  sweepReferences(signal: AbortSignal | undefined): Promise<void>
}

/** Images, of ten references each or so, whose references go in one transaction. */
const IMAGES = BATCH / 10

export function createRemainsCollection(db: Database, repositoryPages: RepositoryPages): RemainsCollection {
  const isEmpty = `stream_id is null and created_at < ?
    and not exists (select 1 from repository_manifests m where m.repository_id = r.id)
    and not exists (select 1 from repository_blobs b where b.repository_id = r.id)`
  const removeEmpty = db.prepare(`delete from repositories as r where id = ? and ${isEmpty}`)
  // from image to image by the key: a plain distinct would pass over every reference of each
  const images = db.prepare<{ imageId: number }>(
    `with recursive next (image_id) as (
       select min(image_id) from manifest_references where image_id > ?
       union all select (select min(image_id) from manifest_references r where r.image_id > next.image_id)
       from next where image_id is not null limit ${BATCH}
     ) select image_id as imageId from next where image_id is not null`,
  )
  const isLinked = db.prepare('select 1 as linked from repository_manifests where image_id = ?')
  const removeReferences = db.prepare(
    `delete from manifest_references as r where image_id = ?
     and not exists (select 1 from repository_manifests m where m.image_id = r.image_id)`,
  )

  return {
    async sweepRepositories({ leaseStart }, signal) {
      for await (const rows of repositoryPages(signal)) {
        db.transact(() => {
          for (const { id } of rows) removeEmpty.run(id, leaseStart)
        })
      }
    },

    async sweepReferences(signal) {
      for (let rows = images.all(0); rows.length > 0; rows = images.all(rows.at(-1)?.imageId ?? 0)) {
        const unlinked = rows.filter(({ imageId }) => isLinked.get(imageId) === undefined)
        for (const batch of inBatches(unlinked, IMAGES)) {
          db.transact(() => {
            for (const { imageId } of batch) removeReferences.run(imageId)
          })
          await yieldToEventLoop(signal)
        }
        await yieldToEventLoop(signal)
      }
    },
  }
}

import { and, count, eq } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { repositories, repositoryManifests, tagEvents, tags } from '../../db/tables/index.ts'
import type { OldEvent } from './old-events.ts'

/**
 * Counts the manifests in repositories of the integrated registry that lose the last entry of their stream's history. The
 * garbage collection of the registry decides whether to remove their content.
 */
export class LostManifests {
  readonly #db: Database
  /** Number of removed entries by stream and image, if the stream's repository has the manifest. */
  readonly #gone = new Map<number, Map<number, number>>()
  /** Repositories by stream; most streams only import, and have none. */
  readonly #repositories = new Map<number, readonly number[]>()

  constructor(db: Database) {
    this.#db = db
  }

  add({ streamId, imageId }: OldEvent): void {
    if (this.#links(streamId, imageId) === 0) return
    const images = this.#gone.get(streamId) ?? new Map<number, number>()
    this.#gone.set(streamId, images.set(imageId, (images.get(imageId) ?? 0) + 1))
  }

  /** Yields the number of lost manifests of each stream and image. In a dry run the added entries still exist. */
  *count(isDryRun: boolean): Generator<number> {
    for (const [streamId, images] of this.#gone) {
      for (const [imageId, gone] of images) {
        const total = this.#entries(streamId, imageId)
        yield total > (isDryRun ? gone : 0) ? 0 : this.#links(streamId, imageId)
      }
    }
  }

  #entries(streamId: number, imageId: number): number {
    // a cross join fixes the order: the image's rows first
    const entries = this.#db.orm
      .select({ total: count() })
      .from(tagEvents)
      .crossJoin(tags)
      .where(and(eq(tags.id, tagEvents.tagId), eq(tagEvents.imageId, imageId), eq(tags.streamId, streamId)))
    return entries.get()?.total ?? 0
  }

  #links(streamId: number, imageId: number): number {
    const { orm } = this.#db
    const { repositoryId, imageId: linkedId } = repositoryManifests
    let total = 0
    for (const id of this.#repositoriesOf(streamId)) {
      const links = orm.select({ total: count() }).from(repositoryManifests)
      total += links.where(and(eq(repositoryId, id), eq(linkedId, imageId))).get()?.total ?? 0
    }
    return total
  }

  #repositoriesOf(streamId: number): readonly number[] {
    const known = this.#repositories.get(streamId)
    if (known) return known
    const { id, streamId: ownerId } = repositories
    const rows = this.#db.orm.select({ id }).from(repositories).where(eq(ownerId, streamId)).all()
    const found = rows.map((row) => row.id)
    this.#repositories.set(streamId, found)
    return found
  }
}

import { and, count, eq, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { repositories, repositoryManifests, tagEvents, tags } from '../../db/tables/index.ts'
import type { OldEvent } from './old-events.ts'

type Queries = ReturnType<typeof queriesOf>

/**
 * Counts the manifests in repositories of the integrated registry that lose the last entry of their stream's history. The
 * garbage collection of the registry decides whether to remove their content.
 */
export class LostManifests {
  readonly #queries: Queries
  /** Number of removed entries by stream and image, if the stream's repository has the manifest. */
  readonly #gone = new Map<number, Map<number, number>>()
  readonly #hasRepository = new Map<number, boolean>()

  constructor(db: Database) {
    this.#queries = queriesOf(db)
  }

  add({ streamId, imageId }: OldEvent): void {
    if (!this.#isPushedTo(streamId) || this.#links(streamId, imageId) === 0) return
    const images = this.#gone.get(streamId) ?? new Map<number, number>()
    this.#gone.set(streamId, images.set(imageId, (images.get(imageId) ?? 0) + 1))
  }

  /** Yields the number of lost manifests of each stream and image. In a dry run the added entries still exist. */
  *count(isDryRun: boolean): Generator<number> {
    for (const [streamId, images] of this.#gone) {
      for (const [imageId, gone] of images) {
        const total = this.#queries.entries.get({ streamId, imageId })?.total ?? 0
        yield total > (isDryRun ? gone : 0) ? 0 : this.#links(streamId, imageId)
      }
    }
  }

  // most streams only import, and have no repository
  #isPushedTo(streamId: number): boolean {
    const known = this.#hasRepository.get(streamId)
    if (known !== undefined) return known
    const found = this.#queries.repository.get({ streamId }) !== undefined
    this.#hasRepository.set(streamId, found)
    return found
  }

  #links(streamId: number, imageId: number): number {
    return this.#queries.links.get({ streamId, imageId })?.total ?? 0
  }
}

function queriesOf({ orm }: Database) {
  const [streamId, imageId] = [sql.placeholder('streamId'), sql.placeholder('imageId')]
  return {
    // cross joins fix the order: the image's rows first
    entries: orm
      .select({ total: count() })
      .from(tagEvents)
      .crossJoin(tags)
      .where(and(eq(tags.id, tagEvents.tagId), eq(tagEvents.imageId, imageId), eq(tags.streamId, streamId)))
      .prepare(),
    repository: orm
      .select({ id: repositories.id })
      .from(repositories)
      .where(eq(repositories.streamId, streamId))
      .prepare(),
    links: orm
      .select({ total: count() })
      .from(repositories)
      .crossJoin(repositoryManifests)
      .where(
        and(
          eq(repositoryManifests.repositoryId, repositories.id),
          eq(repositoryManifests.imageId, imageId),
          eq(repositories.streamId, streamId),
        ),
      )
      .prepare(),
  }
}

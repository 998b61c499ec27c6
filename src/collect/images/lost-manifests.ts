import { and, asc, count, eq, gt, sql } from 'drizzle-orm'
import { turnToRead } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import { repositories, repositoryManifests, tagEvents, tags } from '../../db/tables/index.ts'
import type { OldEvent } from './old-events.ts'

/** Entries of an image that one statement reads. */
const ENTRIES = 1_000

type Queries = ReturnType<typeof queriesOf>

/**
 * Counts the manifests in repositories of the integrated registry that lose the last entry of their stream's history. The
 * garbage collection of the registry decides whether to remove their content.
 */
export class LostManifests {
  readonly #queries: Queries
  /** Number of removed entries by image and stream, if the stream's repository has the manifest. */
  readonly #gone = new Map<number, Map<number, number>>()
  readonly #hasRepository = new Map<number, boolean>()

  constructor(db: Database) {
    this.#queries = queriesOf(db)
  }

  add({ streamId, imageId }: OldEvent): void {
    if (!this.#isPushedTo(streamId) || this.#links(streamId, imageId) === 0) return
    const streams = this.#gone.get(imageId) ?? new Map<number, number>()
    this.#gone.set(imageId, streams.set(streamId, (streams.get(streamId) ?? 0) + 1))
  }

  /**
   * Yields the number of lost manifests of each image. In a dry run the added entries still exist. Reads the entries of an
   * image once for all streams, in parts between which other work runs. Throws the signal's reason once it is aborted.
   */
  async *count(isDryRun: boolean, signal: AbortSignal): AsyncGenerator<number> {
    for (const [imageId, gone] of this.#gone) {
      // the entries that must be found so that the stream keeps one
      const missing = new Map([...gone].map(([streamId, removed]) => [streamId, isDryRun ? removed + 1 : 1]))
      for (let after = 0; missing.size > 0; ) {
        await turnToRead(signal)
        const entries = this.#queries.entries.all({ imageId, after })
        for (const { streamId } of entries) {
          const left = missing.get(streamId)
          if (left === undefined) continue
          if (left === 1) missing.delete(streamId)
          else missing.set(streamId, left - 1)
        }
        after = entries.at(-1)?.id ?? 0
        if (entries.length < ENTRIES) break
      }
      let lost = 0
      for (const streamId of missing.keys()) lost += this.#links(streamId, imageId)
      yield lost
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
    // the cross join fixes the order: the image's entries first
    entries: orm
      .select({ id: tagEvents.id, streamId: tags.streamId })
      .from(tagEvents)
      .crossJoin(tags)
      .where(
        and(
          eq(tags.id, tagEvents.tagId),
          eq(tagEvents.imageId, imageId),
          gt(tagEvents.id, sql.placeholder('after')),
        ),
      )
      .orderBy(asc(tagEvents.id))
      .limit(ENTRIES)
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

import type { Database } from '../../db/open.ts'
import type { OldEvent } from './events.ts'

/**
 * Counts the manifests of the integrated registry's repositories that lose the last entry of their stream's history: what
 * their content is kept for then, if anything, only its own collection says, which frees it.
 */
export class LostManifests {
  readonly #db: Database
  /** Entries that go, by stream and image, of those only whose repository has the manifest. */
  readonly #gone = new Map<number, Map<number, number>>()
  readonly #repositories = new Map<number, boolean>()

  constructor(db: Database) {
    this.#db = db
  }

  add({ streamId, imageId }: OldEvent): void {
    if (!this.#hasRepository(streamId) || this.#links(streamId, imageId) === 0) return
    const images = this.#gone.get(streamId) ?? new Map<number, number>()
    this.#gone.set(streamId, images.set(imageId, (images.get(imageId) ?? 0) + 1))
  }

  /** With `isDryRun`, those that were added are still there. Of each stream and image by itself. */
  *count(isDryRun: boolean): Generator<number> {
    const entries = this.#db.prepare<{ total: number }>(
      `select count(*) as total from tag_events e cross join tags t on t.id = e.tag_id
       where e.image_id = ? and t.stream_id = ?`,
    )
    for (const [streamId, images] of this.#gone) {
      for (const [imageId, gone] of images) {
        const left = (entries.get(imageId, streamId)?.total ?? 0) - (isDryRun ? gone : 0)
        yield left > 0 ? 0 : this.#links(streamId, imageId)
      }
    }
  }

  // most streams import, and have none
  #hasRepository(streamId: number): boolean {
    const known = this.#repositories.get(streamId)
    if (known !== undefined) return known
    const found =
      this.#db.prepare('select 1 from repositories where stream_id = ?').get(streamId) !== undefined
    this.#repositories.set(streamId, found)
    return found
  }

  #links(streamId: number, imageId: number): number {
    const links = this.#db.prepare<{ total: number }>(
      `select count(*) as total from repositories r
       cross join repository_manifests m on m.image_id = ? and m.repository_id = r.id where r.stream_id = ?`,
    )
    return links.get(imageId, streamId)?.total ?? 0
  }
}

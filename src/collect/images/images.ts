import { BATCH, forEachYielding } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import type { Digest } from '../../oci/digest.ts'
import { isIndexType } from '../../oci/media-types.ts'
import type { IndexChildren } from './children.ts'
import type { ImageJudge, ImageRow } from './kept.ts'
import type { RunningReport } from './report.ts'

export interface ImagePassOptions {
  readonly db: Database
  readonly children: IndexChildren
  readonly judge: ImageJudge
  readonly report: RunningReport
  readonly isDryRun: boolean
}

/** Images and children of indexes that one transaction looks at. */
const MAXIMUM_WEIGHT = 5 * BATCH

/**
 * Goes through all images by their ids. An index goes before its children, so that no import ever finds an index whose
 * children went: what an index has stays, and is judged again when the last index that has it is gone. A dry run does
 * the same but for the deletions.
 */
export class ImagePass {
  readonly #options: ImagePassOptions
  #position = 0
  /** Images that stay for their indexes alone, so far. */
  readonly #children = new Set<number>()
  /** Those whose last index went. */
  readonly #orphans: number[] = []
  /** Of a dry run: how many of the images that name a config go. */
  readonly #configUsers = new Map<Digest, number>()

  constructor(options: ImagePassOptions) {
    this.#options = options
  }

  /** The next part, inside one transaction. Whether there may be more. */
  step(): boolean {
    const { judge, children } = this.#options
    children.refresh()
    let weight = 0
    while (weight < MAXIMUM_WEIGHT && this.#orphans.length > 0) {
      const image = judge.byId(this.#orphans.pop() as number)
      weight += image ? this.#take(image) : 1
    }
    if (weight > 0) return true
    const images = judge.page(this.#position)
    for (const image of images) {
      if (weight >= MAXIMUM_WEIGHT) break
      weight += this.#take(image)
      this.#position = image.id
    }
    return images.length > 0
  }

  /** Adds up what is only known at the end. */
  async finish(signal: AbortSignal): Promise<void> {
    const { db, judge, report } = this.#options
    await forEachYielding(this.#children, signal, (id) => {
      const image = judge.byId(id)
      if (image) report.stays(image, 'CHILD')
    })
    const users = db.prepare<{ bytes: number; users: number }>(
      `select length(bytes) as bytes,
         (select count(*) from (select 1 from images where config_digest = c.digest limit ?)) as users
       from image_configs c where digest = ?`,
    )
    await forEachYielding(this.#configUsers, signal, ([digest, gone]) => {
      const config = users.get(gone + 1, digest)
      if (config?.users === gone) this.#countConfig(config.bytes)
    })
  }

  /** Its weight: one, and one for each child that is looked at. */
  #take(image: ImageRow): number {
    const { judge, report } = this.#options
    const reason = judge.keptBecause(image)
    if (reason === 'CHILD') {
      this.#children.add(image.id)
      return 1
    }
    if (reason) {
      report.stays(image, reason)
      return 1
    }
    const below = isIndexType(image.mediaType) ? this.#options.children.remove(image.id) : []
    this.#remove(image)
    for (const digest of below) this.#release(digest)
    report.goes(image)
    return 1 + below.length
  }

  /** A child that one index less has. */
  #release(digest: Digest): void {
    const { db, children } = this.#options
    if (children.isChild(digest)) return
    const id = db.prepare<{ id: number }>('select id from images where digest = ?').get(digest)?.id
    // one that was not looked at yet has its turn by its id
    if (id !== undefined && this.#children.delete(id)) this.#orphans.push(id)
  }

  #remove({ id, configDigest }: ImageRow): void {
    const { db, isDryRun } = this.#options
    if (isDryRun) {
      if (configDigest) this.#configUsers.set(configDigest, (this.#configUsers.get(configDigest) ?? 0) + 1)
      return
    }
    // its foreign keys refuse what the judge might have missed
    db.prepare('delete from images where id = ?').run(id)
    if (!configDigest) return
    const config = db
      .prepare<{ bytes: number }>(
        `select length(bytes) as bytes from image_configs c where digest = ?
         and not exists (select 1 from images where config_digest = c.digest)`,
      )
      .get(configDigest)
    if (!config) return
    db.prepare('delete from image_configs where digest = ?').run(configDigest)
    this.#countConfig(config.bytes)
  }

  #countConfig(bytes: number): void {
    const { report } = this.#options
    report.configs++
    report.bytes += bytes
  }
}

import { BATCH, forEachYielding } from '../../concurrency/yielding.ts'
import type { Transaction } from '../../db/transact.ts'
import type { ImageRemoval } from '../../imagestream/image/remove-images.ts'
import type { Digest } from '../../oci/digest.ts'
import { isIndexType } from '../../oci/media-types.ts'
import type { IndexChildren } from './index-children.ts'
import type { ImageJudge, PrunableImage } from './kept-images.ts'
import type { PruneReport } from './report.ts'

export interface ImagePassOptions {
  readonly removal: ImageRemoval
  readonly children: IndexChildren
  readonly judge: ImageJudge
  readonly report: PruneReport
  readonly isDryRun: boolean
}

/** Maximum number of images and children of indexes in one transaction. */
const MAX_WEIGHT = 5 * BATCH

/**
 * Removes all images that nothing keeps, by id. An index is removed before its children, so that an import never finds an
 * index without them: children are kept, and judged again when the last index that lists them is removed. A dry run does
 * the same without deleting.
 */
export class ImagePass {
  readonly #options: ImagePassOptions
  #position = 0
  /** Images that are so far kept only by their indexes. */
  readonly #children = new Set<number>()
  /** Images whose last index was removed. */
  readonly #orphans: number[] = []
  /** In a dry run: number of removed images by config. */
  readonly #configUsers = new Map<Digest, number>()

  constructor(options: ImagePassOptions) {
    this.#options = options
  }

  /** Handles the next images inside the transaction. Returns false at the end. */
  step(tx: Transaction): boolean {
    const { judge, children } = this.#options
    // where many indexes were stored since the last step, this one only reads them
    if (children.refresh()) return true
    let weight = 0
    while (weight < MAX_WEIGHT && this.#orphans.length > 0) {
      const image = judge.byId(this.#orphans.pop() as number)
      weight += image ? this.#judge(tx, image) : 1
    }
    if (weight > 0) return true
    const images = judge.page(this.#position)
    for (const image of images) {
      if (weight >= MAX_WEIGHT) break
      weight += this.#judge(tx, image)
      this.#position = image.id
    }
    return images.length > 0
  }

  /** Adds the counts that are known only after the last step. */
  async finish(signal: AbortSignal): Promise<void> {
    const { removal, judge, report } = this.#options
    await forEachYielding(this.#children, signal, (id) => {
      const image = judge.byId(id)
      if (image) report.addKept(image, 'CHILD')
    })
    await forEachYielding(this.#configUsers, signal, ([digest, users]) => {
      report.addConfig(removal.configBytes(digest, users))
    })
  }

  /** Keeps or removes the image. Returns its weight: one, and one for each child. */
  #judge(tx: Transaction, image: PrunableImage): number {
    const { judge, report, children } = this.#options
    const reason = judge.reasonToKeep(image)
    if (reason === 'CHILD') {
      this.#children.add(image.id)
      return 1
    }
    if (reason) {
      report.addKept(image, reason)
      return 1
    }
    const below = isIndexType(image.mediaType) ? children.remove(image.id) : []
    this.#remove(tx, image)
    for (const digest of below) this.#release(digest)
    report.addRemoved(image)
    return 1 + below.length
  }

  /** Queues a child whose last index was removed. */
  #release(digest: Digest): void {
    const { judge, children } = this.#options
    if (children.isChild(digest)) return
    const id = judge.idOf(digest)
    // an image that is not in the set comes later by its id
    if (id !== undefined && this.#children.delete(id)) this.#orphans.push(id)
  }

  #remove(tx: Transaction, image: PrunableImage): void {
    const { removal, report, isDryRun } = this.#options
    if (!isDryRun) {
      report.addConfig(removal.remove(tx, image))
    } else if (image.configDigest) {
      const { configDigest } = image
      this.#configUsers.set(configDigest, (this.#configUsers.get(configDigest) ?? 0) + 1)
    }
  }
}

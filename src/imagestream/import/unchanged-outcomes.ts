import type { Digest } from '../../oci/digest.ts'
import { reindexedPlatforms } from '../image/changed-platforms.ts'
import type { ImportTarget } from '../stored-import/import-plan.ts'
import type { UnchangedTags } from '../stored-import/import-state.ts'
import type { ImportContext } from './import-context.ts'

/** Keeps the results of an import's unchanged tags, which are stored together when the import ends. */
export class UnchangedOutcomes implements UnchangedTags {
  readonly unchangedEvents: number[] = []
  readonly reindexedEvents = new Map<number, string | null>()
  /** Targets whose rule was applied. */
  readonly choices: ImportTarget[] = []
  readonly #images: ImportContext['images']

  constructor({ images }: Pick<ImportContext, 'images'>) {
    this.#images = images
  }

  /** Adds a tag by its newest event. `target`: undefined for a tag that needed no request. */
  add(tagEventId: number, target?: ImportTarget): void {
    this.unchangedEvents.push(tagEventId)
    if (target?.decision) this.choices.push(target)
  }

  /** Adds a tag whose image is the same as before; its digest in the registry may be that of another index. */
  addSameImage(tagEventId: number, before: Digest, upstreamDigest: Digest): void {
    this.add(tagEventId)
    if (before === upstreamDigest) return
    this.reindexedEvents.set(tagEventId, reindexedPlatforms(this.#images, before, upstreamDigest))
  }
}

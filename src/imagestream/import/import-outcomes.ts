import type { Transaction } from '../../db/transact.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Manifest } from '../../oci/manifest.ts'
import type { TagName } from '../../oci/tag.ts'
import { reindexedPlatforms } from '../image/changed-platforms.ts'
import type { FetchedTagImage } from '../image/fetch-image.ts'
import type { Images } from '../image/images.ts'
import type { ImportTarget } from '../request/import-plan.ts'
import type { Import, TagFailure } from '../request/import-state.ts'
import type { TagSelection } from '../watch/tag-selection.ts'

/** Result of one target. */
export type TagOutcome =
  | { readonly state: 'IMPORTED' | 'UNCHANGED' }
  | ({ readonly state: 'FAILED' } & TagFailure)

/** Storage of an import's results: in the stream, or for a dry run in memory. */
export interface ImportOutcomes {
  /** Tags that this import has imported before a restart. */
  readonly alreadyImported: ReadonlySet<TagName>
  /** Stores the results of the repository's tags that need no request. */
  selected(selection: TagSelection): void
  /** The registry's response is the same as when this event was recorded. */
  unchanged(target: ImportTarget, tagEventId: number): void
  found(target: ImportTarget, found: FetchedTagImage, upstreamDigest: Digest): Promise<TagOutcome>
  /** Returns the failure that was stored, which may explain more than the registry's response. */
  failed(target: ImportTarget, failure: TagFailure): Promise<TagFailure>
  /** Stores an image that was fetched only to apply a rule. */
  fetched(target: ImportTarget, found: FetchedTagImage): Promise<void>
  /** Stores the end of the import; a stored import calls `finishCheck` in the same transaction. */
  finish(finished: Import, finishCheck: (tx: Transaction) => void): void
}

/** Returns the platforms that changed between two indexes with the same chosen image, as far as both are stored. */
export const reindexedBy = (images: Images, from: Digest, to: Digest | Manifest): string | null =>
  reindexedPlatforms(
    images.storedManifest(from)?.manifest,
    typeof to === 'string' ? images.storedManifest(to)?.manifest : to,
  )

import type { SetTimer } from '../../concurrency/clock.ts'
import type { Transaction } from '../../db/transact.ts'
import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'
import type { FetchedTagImage, ImageFetcher } from '../image/fetch-image.ts'
import type { Images } from '../image/images.ts'
import type { RemoteRegistry } from '../image/remote-registry.ts'
import type { TagRecorder } from '../record/record.ts'
import type { ImageStream } from '../spec/spec.ts'
import type { ImportTarget } from '../stored-import/import-plan.ts'
import type { ImportRows } from '../stored-import/import-rows.ts'
import type { Import, TagFailure } from '../stored-import/import-state.ts'
import type { Streams } from '../stream/stream.ts'
import type { StreamConditions } from '../stream/stream-conditions.ts'
import type { PolicyChoices } from '../tag/policy-choice.ts'
import type { Tags } from '../tag/tag.ts'
import type { ImportTransition } from '../tag/tag-change.ts'
import type { RepositoryCheckDependencies } from '../watch/repository-check.ts'
import type { TagSelection } from '../watch/tag-selection.ts'

/** What imports read from and write to. */
export interface ImporterDependencies extends RepositoryCheckDependencies {
  readonly remote: RemoteRegistry
  readonly rows: ImportRows
  readonly images: Images
  readonly streams: Streams
  readonly streamConditions: StreamConditions
  readonly tags: Tags
  readonly recorder: TagRecorder
  /** `systemTimer` unless given. */
  readonly setTimer?: SetTimer
  /** Runs in the transaction in which the repository of a stream begins or ceases to fail. */
  readonly onTransition: (tx: Transaction, transition: ImportTransition) => void
  /** Runs in the transaction that ends a stored import. */
  readonly onFinished?: ((tx: Transaction, stream: ImageStream, finished: Import) => void) | undefined
}

/** What all imports of the server share. */
export interface ImportContext extends ImporterDependencies {
  readonly fetcher: ImageFetcher
  readonly choices: PolicyChoices
  /** Aborted when the server stops. */
  readonly closing: AbortSignal
}

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
  /**
   * Records that a complete list lacks the tag that the target's rule chose before. Reports whether an earlier one lacked
   * it too.
   */
  isMissingAgain(target: ImportTarget): boolean
  /** Stores an image that was fetched only to apply a rule. */
  fetched(target: ImportTarget, found: FetchedTagImage): Promise<void>
  /** Stores the end of the import. */
  finish(finished: Import, ended: ImportEnd): void
}

/** What the end of an import stores besides its results. */
export interface ImportEnd {
  /**
   * Why the stream's whole repository could not be imported, null if it was. Without a repository in the import, why the
   * import failed as a whole; undefined if it did not.
   */
  readonly repositoryFailure: TagFailure | null | undefined
  /** Stores the state of the repository's check, in the transaction that ends the import. */
  readonly finishCheck: (tx: Transaction) => void
}

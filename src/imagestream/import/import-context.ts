import type { Transaction } from '../../db/transact.ts'
import type { ImageFetcher } from '../image/fetch-image.ts'
import type { Images } from '../image/images.ts'
import type { RemoteRegistry } from '../image/remote-registry.ts'
import type { ImportRows } from '../request/import-rows.ts'
import type { Import } from '../request/import-state.ts'
import type { ImageStream } from '../spec/spec.ts'
import type { Streams } from '../stream/stream.ts'
import type { PolicyChoices } from '../tag/policy-choice.ts'
import type { TagRecorder } from '../tag/record.ts'
import type { Tags } from '../tag/tag.ts'
import type { RepositoryCheckDependencies } from '../watch/repository-check.ts'

/** What imports read from and write to. */
export interface ImporterDependencies extends RepositoryCheckDependencies {
  readonly remote: RemoteRegistry
  readonly rows: ImportRows
  readonly images: Images
  readonly streams: Streams
  readonly tags: Tags
  readonly recorder: TagRecorder
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

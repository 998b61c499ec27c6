import type { BlobStore } from '../../blobs/blob-store.ts'
import type { Database } from '../../db/open.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Content } from '../content/content.ts'
import type { IsIntact } from '../content/intact-blobs.ts'
import type { RegistryStreams } from '../content/registry-streams.ts'
import type { RegistryLimits } from '../protocol/limits.ts'
import type { PullThrough } from '../pull-through/pull-through.ts'
import type { RegistrySignIn } from '../sign-in/dependencies.ts'

export interface RegistryDependencies {
  readonly db: Database
  readonly blobs: BlobStore
  readonly streams: RegistryStreams
  readonly signIn: RegistrySignIn
  /** Without it only pushed content is served. */
  readonly pullThrough?: PullThrough | undefined
  /** Called with a blob whose file was found to be lost or cut short. */
  readonly onLost: (digest: Digest, size: number) => void
  readonly limits: RegistryLimits
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Receives internal errors. */
  readonly log: {
    error(object: object, message: string): void
  }
}

/** Dependencies of the routes. */
export interface RouteDependencies extends RegistryDependencies {
  readonly content: Content
  readonly isIntact: IsIntact
}

import type { BlobStore } from '../../blobs/blob-store.ts'
import type { Database } from '../../db/open.ts'
import type { Content } from '../content/content.ts'
import type { RegistryStreams } from '../content/streams.ts'
import type { RegistryAccess } from '../protocol/access.ts'
import type { RegistryLimits } from '../protocol/limits.ts'
import type { PullThrough } from '../pull-through/pull-through.ts'

export interface RegistryDependencies {
  readonly db: Database
  readonly blobs: BlobStore
  readonly streams: RegistryStreams
  readonly access: RegistryAccess
  /** Without it only pushed content is served. */
  readonly pullThrough?: PullThrough | undefined
  readonly limits: RegistryLimits
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Receives internal errors. */
  readonly log: RegistryLog
}

export interface RegistryLog {
  error(object: { readonly requestId: string; readonly err: unknown }, message: string): void
}

export interface RouteDependencies extends RegistryDependencies {
  readonly content: Content
}

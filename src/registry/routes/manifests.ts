import type { BlobStore } from '../../blobs/blob-store.ts'
import type { Database } from '../../db/open.ts'
import type { Content } from '../content/content.ts'
import type { StreamSink } from '../content/stream-sink.ts'
import type { Handler } from '../protocol/exchange.ts'
import type { RegistryLimits } from '../protocol/limits.ts'
import type { PullThrough } from '../pull-through/pull-through.ts'
import { createManifestDelete } from './manifest-delete.ts'
import { createManifestGet } from './manifest-get.ts'
import { createManifestPut } from './manifest-put.ts'

export interface ManifestsDependencies {
  readonly db: Database
  readonly content: Content
  readonly blobs: Pick<BlobStore, 'open'>
  readonly sink: StreamSink
  readonly pullThrough?: Pick<PullThrough, 'manifest' | 'bring'> | undefined
  readonly limits: Pick<RegistryLimits, 'lease'>
  readonly now: () => number
}

/** What is answered at `/v2/<name>/manifests/<reference>`, the reference being a tag or a digest. */
export interface Manifests {
  /** Also for HEAD. */
  readonly get: Handler<[reference: string]>
  readonly put: Handler<[reference: string]>
  readonly delete: Handler<[reference: string]>
}

export const createManifests = (deps: ManifestsDependencies): Manifests => ({
  get: createManifestGet(deps),
  put: createManifestPut(deps),
  delete: createManifestDelete(deps),
})

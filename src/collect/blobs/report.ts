import type { Digest } from '../../oci/digest.ts'
import type { Repository } from '../../registry/content/content.ts'
import { PlanList } from '../kept/plan-list.ts'
import { type ManifestKeptReason, noManifestsKept } from '../kept/reasons.ts'
import type { ManifestKeeper, ManifestLink } from './kept-manifests.ts'
import type { StoredBlob } from './stored-blobs.ts'

/** Position in a list of manifests, which is sorted by the repository's id, then the digest. */
export interface ManifestPosition {
  readonly repositoryId: number
  readonly digest: Digest
}

/** A manifest of a repository; times are milliseconds since 1970. */
export interface PlannedManifest
  extends ManifestPosition,
    Pick<ManifestLink, 'imageId' | 'pushedAt' | 'confirmedAt'> {
  readonly repository: Pick<Repository, 'namespace' | 'name'>
}

export interface KeptManifest extends PlannedManifest {
  readonly kept: ManifestKeeper
}

/** What a collection would remove beside the listed content. */
export interface CollectionTotals {
  /** Number of kept manifests by reason. */
  readonly reasons: Readonly<Record<ManifestKeptReason, number>>
  /** Number of files without a row; a collection counts them as blobs. */
  readonly strays: number
  /** Number of abandoned uploads. */
  readonly uploads: number
  /** Bytes of disk space that would be freed. */
  readonly freedBytes: number
}

const manifestKey = ({ repositoryId, digest }: ManifestPosition) => [repositoryId, digest] as const

/** What a reader requests of a plan, and what was found of it so far. */
export class CollectionReport {
  /** Manifests that would be removed. */
  readonly manifests = new PlanList<PlannedManifest>({ keyOf: manifestKey, isOrdered: true })
  readonly kept = new PlanList<KeptManifest>({ keyOf: manifestKey, isOrdered: true })
  /** Blobs that no repository would have. */
  readonly blobs = new PlanList<StoredBlob>({ keyOf: ({ digest }) => [digest], isOrdered: true })
  readonly totals = { reasons: noManifestsKept(), strays: 0, uploads: 0, freedBytes: 0 }
  #hasTotals = false

  /** Requests all totals, before the plan is made. */
  requestTotals(): void {
    this.#hasTotals = true
    this.blobs.count()
  }

  get hasTotals(): boolean {
    return this.#hasTotals
  }
}

import type { UploadSummary } from '../../blobs/layout.ts'
import { inBatches } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Repository } from '../../registry/content/content.ts'
import { GrowingPlanList, type PlanList } from '../kept/plan-list.ts'
import { type ManifestKeptReason, noManifestsKept } from '../kept/reasons.ts'
import type { CollectionParts } from './collection-run.ts'
import type { ManifestKeeper, ManifestLink } from './kept-manifests.ts'
import { repositoryPages } from './repositories.ts'
import { blobRanges, type StoredBlob } from './stored-blobs.ts'
import type { CollectionTerms } from './terms.ts'
import { forEachAbandoned } from './uploads.ts'

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

/** The page of each list of a plan. */
export interface PlanOptions {
  /** Maximum number of items of each list; default 100. */
  readonly limit?: number
  /** Last item of the previous page of each list. */
  readonly after?: {
    readonly manifests?: ManifestPosition
    readonly kept?: ManifestPosition
    readonly blobs?: Digest
  }
}

/** What a collection would remove now, and why the other manifests are kept. */
export interface CollectionPlan {
  /** Manifests that would be removed, by repository id and digest. */
  readonly manifests: PlanList<PlannedManifest>
  readonly kept: PlanList<KeptManifest>
  /** Number of kept manifests by reason. */
  readonly reasons: Readonly<Record<ManifestKeptReason, number>>
  /** Blobs that no repository would have, by digest. */
  readonly blobs: PlanList<StoredBlob>
  /** Files without a row, in the order of the disk; a collection counts them as blobs. */
  readonly strays: PlanList<StoredBlob>
  /** Abandoned uploads, in the order of the disk. */
  readonly uploads: PlanList<UploadSummary>
  /** Bytes of disk space that would be freed. */
  readonly bytes: number
}

const DEFAULT_LIMIT = 100

/**
 * Returns a function that plans a collection. It reads all content like a collection, in short turns of the event loop:
 * each page of a list costs the same again. Rejects with the signal's reason. Calls must not overlap.
 */
export function createPlan({ db, blobs, manifests, links, storedBlobs }: CollectionParts) {
  const unlinks = preparePlannedUnlinks(db)

  return async (
    terms: CollectionTerms,
    { limit = DEFAULT_LIMIT, after = {} }: PlanOptions,
    signal: AbortSignal,
  ): Promise<CollectionPlan> => {
    const removed = new GrowingPlanList<PlannedManifest>({ limit, isAfter: isAfter(after.manifests) })
    const kept = new GrowingPlanList<KeptManifest>({ limit, isAfter: isAfter(after.kept) })
    const removedBlobs = new GrowingPlanList<StoredBlob>({
      limit,
      isAfter: ({ digest }) => after.blobs === undefined || digest > after.blobs,
    })
    const strays = new GrowingPlanList<StoredBlob>({ limit })
    const uploads = new GrowingPlanList<UploadSummary>({ limit })
    const reasons = noManifestsKept()
    let bytes = 0

    const planRepository = async (repository: Repository): Promise<void> => {
      const { id: repositoryId, namespace, name } = repository
      const gone = new Set<Digest>()
      for await (const { manifest, verdict } of manifests.judge(repository, terms, signal)) {
        const { digest, imageId, pushedAt, confirmedAt } = manifest
        const at = { repositoryId, repository: { namespace, name }, digest }
        const planned = { ...at, imageId, pushedAt, confirmedAt }
        if ('kept' in verdict) {
          reasons[verdict.kept.reason]++
          kept.add({ ...planned, kept: verdict.kept })
        } else {
          gone.add(digest)
          removed.add(planned)
        }
      }
      const scope = { repositoryId, signal, isGone: (digest: Digest) => gone.has(digest) }
      for await (const digests of links.unreferenced(scope)) {
        for (const batch of inBatches(digests)) {
          unlinks.add.run(JSON.stringify(batch), repositoryId, terms.leaseStart)
        }
      }
    }

    unlinks.clear.run()
    await forEachAbandoned(blobs, terms, signal, (upload) => {
      bytes += upload.size
      uploads.add(upload)
    })
    for await (const repositories of repositoryPages(db, signal)) {
      for (const repository of repositories) await planRepository(repository)
    }
    for await (const { after: from, end } of blobRanges(db, signal)) {
      for (const blob of unlinks.unlinkedBlobs.all(from, end)) {
        bytes += blob.size
        removedBlobs.add(blob)
      }
    }
    for await (const stray of storedBlobs.strays(signal)) {
      bytes += stray.size
      strays.add(stray)
    }
    unlinks.clear.run()
    return {
      manifests: removed.finished(),
      kept: kept.finished(),
      reasons,
      blobs: removedBlobs.finished(),
      strays: strays.finished(),
      uploads: uploads.finished(),
      bytes,
    }
  }
}

/** A temporary table of the links that would be removed: only SQL finds quickly whether a repository keeps a blob. */
function preparePlannedUnlinks(db: Database) {
  db.prepare(
    `create temp table if not exists planned_unlinks
     (digest text not null, repository_id integer not null, primary key (digest, repository_id)) without rowid`,
  ).run()
  return {
    clear: db.prepare('delete from temp.planned_unlinks'),
    add: db.prepare(
      `insert into temp.planned_unlinks (digest, repository_id) select l.digest, l.repository_id
       from json_each(?) d cross join repository_blobs l on l.repository_id = ? and l.digest = d.value
       where l.confirmed_at < ?`,
    ),
    unlinkedBlobs: db.prepare<StoredBlob>(
      `select digest, size from blobs b where digest > ? and digest <= ? and not exists (
         select 1 from repository_blobs l where l.digest = b.digest and not exists (
           select 1 from temp.planned_unlinks p where p.digest = l.digest and p.repository_id = l.repository_id))
       order by digest`,
    ),
  }
}

const isAfter =
  (after: ManifestPosition | undefined) =>
  (at: ManifestPosition): boolean =>
    after === undefined ||
    at.repositoryId > after.repositoryId ||
    (at.repositoryId === after.repositoryId && at.digest > after.digest)

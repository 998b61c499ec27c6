import type { BlobStore, UploadSummary } from '../../blobs/blob-store.ts'
import { inBatches, yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Repository } from '../../registry/content/content.ts'
import { type BlobCollection, blobPageEnd, type StoredBlob } from './blobs.ts'
import type { Kept } from './kept.ts'
import type { LinkCollection } from './links.ts'
import type { ManifestCollection } from './manifests.ts'
import type { RepositoryPages } from './repositories.ts'
import type { Terms } from './terms.ts'
import { forEachAbandoned } from './uploads.ts'

/** Where a list of manifests goes on: they are in the order of their repository's id, then of the digest. */
export interface ManifestPosition {
  readonly repositoryId: number
  readonly digest: Digest
}

/** A manifest of a repository. */
export interface PlannedManifest extends ManifestPosition {
  readonly repository: Pick<Repository, 'namespace' | 'name'>
  readonly imageId: number
  /** Milliseconds since 1970. */
  readonly pushedAt: number
  /** When a client was last told that it is here. */
  readonly confirmedAt: number
}

export interface KeptManifest extends PlannedManifest {
  readonly kept: Kept
}

export interface PlanOptions {
  /** Items of each list; default 100. The sums are of all. */
  readonly limit?: number
  /** The last of the list's page before. */
  readonly after?: {
    readonly manifests?: ManifestPosition
    readonly kept?: ManifestPosition
    readonly blobs?: Digest
  }
}

/** Part of a list, and of how many it is a part. */
export interface PlanList<Item> {
  readonly total: number
  readonly items: readonly Item[]
}

/** What a collection would do now: each item goes that would go, and each manifest that stays says why. */
export interface CollectionPlan {
  /** By repository id and digest. */
  readonly manifests: PlanList<PlannedManifest>
  readonly kept: PlanList<KeptManifest>
  /** How many stay for which reason. */
  readonly reasons: Readonly<Record<Kept['reason'], number>>
  /** By digest: those that no repository will have. */
  readonly blobs: PlanList<StoredBlob>
  /** Files without a row, in the order of the disk; a collection counts them among the blobs. */
  readonly strays: PlanList<StoredBlob>
  /** In the order of the disk. */
  readonly uploads: PlanList<UploadSummary>
  /** Bytes of disk that would come back. */
  readonly bytes: number
}

export interface PlanParts {
  readonly db: Database
  readonly blobs: BlobStore
  readonly repositoryPages: RepositoryPages
  readonly manifests: ManifestCollection
  readonly links: LinkCollection
  readonly files: BlobCollection
}

/** Rejects with the signal's reason. One at a time. */
export type Plan = (terms: Terms, options: PlanOptions, signal?: AbortSignal) => Promise<CollectionPlan>

const DEFAULT_LIMIT = 100

class List<Item> implements PlanList<Item> {
  total = 0
  readonly items: Item[] = []
  readonly #limit: number
  constructor(limit: number) {
    this.#limit = limit
  }
  add(item: Item, isAfter = true): void {
    this.total++
    if (isAfter && this.items.length < this.#limit) this.items.push(item)
  }
}

/** Goes through all content, like a collection, a few milliseconds in a turn; each page of a list costs that again. */
export function createPlan({ db, blobs, repositoryPages, manifests, links, files }: PlanParts): Plan {
  // which repositories would lose which blob: of a blob in many repositories only SQL can say fast whether one keeps it
  db.prepare(
    `create temp table if not exists planned_unlinks
     (digest text not null, repository_id integer not null, primary key (digest, repository_id)) without rowid`,
  ).run()
  const clear = db.prepare('delete from temp.planned_unlinks')
  const unlink = db.prepare(
    `insert into temp.planned_unlinks (digest, repository_id) select l.digest, l.repository_id
     from json_each(?) d cross join repository_blobs l on l.repository_id = ? and l.digest = d.value
     where l.confirmed_at < ?`,
  )
  const pageEnd = blobPageEnd(db)
  const unlinked = db.prepare<StoredBlob>(
    `select digest, size from blobs b where digest > ? and digest <= ? and not exists (
       select 1 from repository_blobs l where l.digest = b.digest and not exists (
         select 1 from temp.planned_unlinks p where p.digest = l.digest and p.repository_id = l.repository_id))
     order by digest`,
  )

  return async (terms, { limit = DEFAULT_LIMIT, after = {} }, signal) => {
    const gone = new List<PlannedManifest>(limit)
    const kept = new List<KeptManifest>(limit)
    const goneBlobs = new List<StoredBlob>(limit)
    const strays = new List<StoredBlob>(limit)
    const uploads = new List<UploadSummary>(limit)
    const reasons = {
      TAGGED: 0,
      IN_HISTORY: 0,
      TAGGED_ELSEWHERE: 0,
      CHILD: 0,
      REFERRER: 0,
      YOUNG: 0,
      UNTAGGED_KEPT: 0,
    }
    let bytes = 0

    const planRepository = async (repository: Repository): Promise<void> => {
      const { id: repositoryId, namespace, name } = repository
      const goneHere = new Set<Digest>()
      for await (const { manifest, verdict } of manifests.judge(repository, terms, signal)) {
        const { digest, imageId, pushedAt, confirmedAt } = manifest
        const planned = {
          repositoryId,
          repository: { namespace, name },
          digest,
          imageId,
          pushedAt,
          confirmedAt,
        }
        if ('kept' in verdict) {
          reasons[verdict.kept.reason]++
          kept.add({ ...planned, kept: verdict.kept }, isAfter(planned, after.kept))
        } else {
          goneHere.add(digest)
          gone.add(planned, isAfter(planned, after.manifests))
        }
      }
      const scope = { repositoryId, signal, isGone: (digest: Digest) => goneHere.has(digest) }
      for await (const digests of links.unreferenced(scope)) {
        for (const batch of inBatches(digests))
          unlink.run(JSON.stringify(batch), repositoryId, terms.leaseStart)
      }
    }

    const planBlobs = async (): Promise<void> => {
      for (let from = '', end = pageEnd(from); end !== undefined; end = pageEnd(from)) {
        for (const blob of unlinked.all(from, end)) {
          bytes += blob.size
          goneBlobs.add(blob, after.blobs === undefined || blob.digest > after.blobs)
        }
        from = end
        await yieldToEventLoop(signal)
      }
    }

    clear.run()
    await forEachAbandoned(blobs, terms, signal, (upload) => {
      bytes += upload.size
      uploads.add(upload)
    })
    for await (const repositories of repositoryPages(signal)) {
      for (const repository of repositories) await planRepository(repository)
    }
    await planBlobs()
    for await (const stray of files.strays(signal)) {
      bytes += stray.size
      strays.add(stray)
    }
    clear.run()
    return { manifests: gone, kept, reasons, blobs: goneBlobs, strays, uploads, bytes }
  }
}

const isAfter = (at: ManifestPosition, after: ManifestPosition | undefined): boolean =>
  after === undefined ||
  at.repositoryId > after.repositoryId ||
  (at.repositoryId === after.repositoryId && at.digest > after.digest)

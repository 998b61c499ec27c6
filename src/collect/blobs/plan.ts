import { inBatches } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import { compareKeys, type KeysetPage } from '../../input/page.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Repository } from '../../registry/content/content.ts'
import { type OnePass, onePass } from '../kept/one-pass.ts'
import { PlanList } from '../kept/plan-list.ts'
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

/**
 * What a collection would remove now, and why the other manifests are kept. Nothing is read until it is requested. What is
 * requested in one turn of the event loop is read in one pass, which reads no more than that needs.
 */
export class GarbageCollectionPlan {
  readonly #read: OnePass<CollectionReport>

  constructor(pass: (report: CollectionReport) => Promise<void>) {
    this.#read = onePass(() => new CollectionReport(), pass)
  }

  /** Returns a page of the manifests that would be removed, by repository id and digest. */
  manifests(page: KeysetPage): Promise<PlannedManifest[]> {
    return this.#read.page(({ manifests }) => manifests.page(page))
  }

  manifestCount(): Promise<number> {
    return this.#read.count(({ manifests }) => manifests)
  }

  /** Returns a page of the manifests that would be kept, by repository id and digest. */
  kept(page: KeysetPage): Promise<KeptManifest[]> {
    return this.#read.page(({ kept }) => kept.page(page))
  }

  keptCount(): Promise<number> {
    return this.#read.count(({ kept }) => kept)
  }

  /** Returns a page of the blobs that no repository would have, by digest. */
  blobs(page: KeysetPage): Promise<StoredBlob[]> {
    return this.#read.page(({ blobs }) => blobs.page(page))
  }

  blobCount(): Promise<number> {
    return this.#read.count(({ blobs }) => blobs)
  }

  async totals(): Promise<CollectionTotals> {
    const { totals } = await this.#read.request((report) => report.requestTotals())
    return totals
  }
}

/**
 * Returns a function that fills a report. It reads what the request needs, in short turns of the event loop: pages of
 * manifests from their cursor on, pages of blobs after the links of all repositories. Rejects with the signal's reason.
 * Calls must not overlap.
 */
export function createPlan({ db, blobs, manifests, links, storedBlobs }: CollectionParts) {
  const unlinks = preparePlannedUnlinks(db)

  async function planRepository(
    repository: Repository,
    report: CollectionReport,
    { terms, after, signal }: PlanScope,
  ) {
    const { id: repositoryId, namespace, name } = repository
    const gone = new Set<Digest>()
    for await (const { manifest, verdict } of manifests.judge(repository, terms, { after, signal })) {
      const { digest, imageId, pushedAt, confirmedAt } = manifest
      const at = { repositoryId, repository: { namespace, name }, digest }
      const planned = { ...at, imageId, pushedAt, confirmedAt }
      if ('kept' in verdict) {
        report.totals.reasons[verdict.kept.reason]++
        report.kept.add({ ...planned, kept: verdict.kept })
      } else {
        gone.add(digest)
        report.manifests.add(planned)
      }
      if (isDone(report)) return
    }
    if (!report.blobs.isRequested) return
    const scope = { repositoryId, signal, isGone: (digest: Digest) => gone.has(digest) }
    for await (const digests of links.unreferenced(scope)) {
      for (const batch of inBatches(digests)) {
        unlinks.add.run(JSON.stringify(batch), repositoryId, terms.leaseStart)
      }
    }
  }

  async function planBlobs({ blobs: list, totals, hasTotals }: CollectionReport, signal: AbortSignal) {
    const [start] = list.start ?? []
    for await (const { after, end } of blobRanges(db, signal, start === undefined ? '' : String(start))) {
      for (const blob of unlinks.unlinkedBlobs.all(after, end)) {
        totals.freedBytes += blob.size
        list.add(blob)
      }
      if (list.isComplete) return
    }
    if (!hasTotals) return
    for await (const stray of storedBlobs.strays(signal)) {
      totals.freedBytes += stray.size
      totals.strays++
    }
  }

  return async (terms: CollectionTerms, report: CollectionReport, signal: AbortSignal): Promise<void> => {
    const { totals } = report
    unlinks.clear.run()
    if (report.hasTotals) {
      await forEachAbandoned(blobs, terms, signal, (upload) => {
        totals.freedBytes += upload.size
        totals.uploads++
      })
    }
    const start = startOf(report)
    for await (const repositories of repositoryPages(db, signal, start?.repositoryId)) {
      for (const repository of repositories) {
        if (isDone(report)) break
        const after = repository.id === start?.repositoryId ? start.digest : ''
        await planRepository(repository, report, { terms, after, signal })
      }
      if (isDone(report)) break
    }
    if (report.blobs.isRequested) await planBlobs(report, signal)
    unlinks.clear.run()
  }
}

interface PlanScope {
  readonly terms: CollectionTerms
  /** Only manifests with a higher digest. */
  readonly after: string
  readonly signal: AbortSignal
}

/** Returns whether further manifests change nothing that was requested: all manifests decide which blobs are removed. */
const isDone = ({ manifests, kept, blobs }: CollectionReport): boolean =>
  !blobs.isRequested && manifests.isComplete && kept.isComplete

/** Returns the position after which the first requested manifest comes; undefined if it may be the first. */
function startOf({ manifests, kept, blobs }: CollectionReport): ManifestPosition | undefined {
  if (blobs.isRequested) return undefined
  const starts = [manifests, kept].filter(({ isRequested }) => isRequested).map(({ start }) => start)
  const [first, second = first] = starts
  if (!first || !second) return undefined
  const [repositoryId, digest] = compareKeys(first, second) < 0 ? first : second
  return { repositoryId: Number(repositoryId), digest: digest as Digest }
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

import { inBatches } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import { compareKeys } from '../../input/page.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Repository } from '../../registry/content/content.ts'
import { type OnePass, onePass, type ReportedList } from '../kept/one-pass.ts'
import type { CollectionParts } from './collection-run.ts'
import {
  CollectionReport,
  type CollectionTotals,
  type KeptManifest,
  type ManifestPosition,
  type PlannedManifest,
} from './report.ts'
import { repositoryPages } from './repositories.ts'
import { blobRanges, type StoredBlob } from './stored-blobs.ts'
import type { CollectionTerms } from './terms.ts'
import { forEachAbandoned } from './uploads.ts'

/**
 * What a collection would remove now, and why the other manifests are kept. Nothing is read until it is requested. What is
 * requested in one turn of the event loop is read in one pass, which reads no more than that needs.
 */
export class GarbageCollectionPlan {
  readonly #read: OnePass<CollectionReport>
  /** Manifests that would be removed, by repository id and digest. */
  readonly manifests: ReportedList<PlannedManifest>
  /** Manifests that would be kept, by repository id and digest. */
  readonly kept: ReportedList<KeptManifest>
  /** Blobs that no repository would have, by digest. */
  readonly blobs: ReportedList<StoredBlob>

  /** `pass` fills what was requested of the report. */
  constructor(pass: (report: CollectionReport) => Promise<void>) {
    this.#read = onePass(() => new CollectionReport(), pass)
    this.manifests = this.#read.list(({ manifests }) => manifests)
    this.kept = this.#read.list(({ kept }) => kept)
    this.blobs = this.#read.list(({ blobs }) => blobs)
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

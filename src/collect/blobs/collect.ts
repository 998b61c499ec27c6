import type { BlobStore } from '../../blobs/blob-store.ts'
import { KeyLock } from '../../concurrency/bounded.ts'
import { startPeriodic } from '../../concurrency/periodic.ts'
import { SingleFlight } from '../../concurrency/single-flight.ts'
import type { Database } from '../../db/open.ts'
import { CollectionRun } from './collection-run.ts'
import { type Collection, createCollections } from './collections.ts'
import { createLinkCollection } from './links.ts'
import { createManifestCollection } from './manifests.ts'
import { type CollectionPlan, createPlan, type PlanOptions } from './plan.ts'
import { createRemainsCollection } from './remains.ts'
import { createRepositoryPages } from './repositories.ts'
import { createBlobRanges, createStoredBlobs } from './stored-blobs.ts'
import { createReadTagHistory } from './tag-history.ts'
import { type CollectionLimits, type CollectionPolicy, collectionTermsAt } from './terms.ts'

export interface CollectorLog {
  error(object: object, message: string): void
}

export interface CollectorDependencies {
  readonly db: Database
  readonly blobs: BlobStore
  readonly limits: CollectionLimits
  readonly policy: CollectionPolicy
  /** Milliseconds from the end of one scheduled run to the start of the next; null for no scheduled runs. */
  readonly intervalMs: number | null
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly log?: CollectorLog
}

/**
 * Garbage collection of the integrated registry, while it serves. Content that was confirmed to a client within the lease
 * is kept: each deleting transaction checks again. Rows are deleted before files, so that a crash leaves at most unused
 * files, which the next run removes. Disposing aborts the run, and resolves when it has stopped.
 */
export interface Collector extends AsyncDisposable {
  /** Reports what `collect` would remove and why the rest is kept, without changes. */
  plan(options?: PlanOptions, signal?: AbortSignal): Promise<CollectionPlan>
  /**
   * Runs once; a call during a run joins it, and only the signal of the first call can abort it. Files that cannot be
   * removed are in the collection's message. Rejects with the error that stopped it.
   */
  collect(signal?: AbortSignal): Promise<Collection>
  /** Returns the newest run, with the current counts while it runs. */
  last(): Collection | undefined
  /** Starts the scheduled runs, the first at once if it is due. */
  start(): void
}

export function createCollector(dependencies: CollectorDependencies): Collector {
  const { limits, policy, intervalMs, now, log } = dependencies
  const collections = createCollections(dependencies.db)
  collections.closeInterrupted()
  const parts = createParts(dependencies)
  const plan = createPlan(parts)
  const stopping = new AbortController()
  const runs = new SingleFlight<Collection>()
  const plans = new KeyLock()
  let running: CollectionRun | undefined
  let schedule: Disposable | undefined
  const withStopping = (signal: AbortSignal | undefined): AbortSignal =>
    signal ? AbortSignal.any([stopping.signal, signal]) : stopping.signal
  const terms = () => collectionTermsAt(now(), limits, policy)

  const runOnce = async (signal: AbortSignal): Promise<Collection> => {
    const run = new CollectionRun(collections.start(now()))
    running = run
    try {
      await run.collect(parts, terms(), signal)
    } catch (error) {
      // a run that was stopped is not finished: it is due again after a restart
      const finishedAt = signal.aborted ? null : now()
      const message = signal.aborted ? 'stopped before it finished' : messageOf(error)
      collections.end(run.id, { ...run.tally, finishedAt, message })
      throw error
    } finally {
      running = undefined
    }
    const { count, first } = run.failures
    if (count > 0) log?.error({ err: first, failures: count }, 'cannot remove files')
    collections.end(run.id, { ...run.tally, finishedAt: now(), message: run.message })
    return collections.byId(run.id) as Collection
  }

  const collect: Collector['collect'] = async (signal) => {
    stopping.signal.throwIfAborted()
    signal?.throwIfAborted()
    return runs.run('collect', () => runOnce(withStopping(signal)))
  }

  return {
    collect,

    // one plan at a time: they share a temporary table
    plan: (options = {}, signal) =>
      plans.run('plan', () => {
        const either = withStopping(signal)
        either.throwIfAborted()
        return plan(terms(), options, either)
      }),

    last() {
      const last = collections.last()
      return last && running?.id === last.id ? { ...last, ...running.tally } : last
    },

    start() {
      if (intervalMs === null || stopping.signal.aborted) return
      schedule ??= startPeriodic({
        intervalMs,
        now,
        lastFinish: collections.lastFinish,
        run: () => collect(),
        onError(error) {
          if (!stopping.signal.aborted) log?.error({ err: error }, 'garbage collection failed')
        },
      })
    },

    async [Symbol.asyncDispose]() {
      schedule?.[Symbol.dispose]()
      stopping.abort(new Error('the collector has been stopped'))
      await Promise.allSettled([...runs.inFlight, plans.run('plan', () => {})])
    },
  }
}

function createParts({ db, blobs }: CollectorDependencies) {
  const repositoryPages = createRepositoryPages(db)
  const blobRanges = createBlobRanges(db)
  return {
    ...{ db, blobs, repositoryPages, blobRanges },
    manifests: createManifestCollection(db, createReadTagHistory(db)),
    links: createLinkCollection(db),
    storedBlobs: createStoredBlobs(db, blobs, blobRanges),
    remains: createRemainsCollection(db, repositoryPages),
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

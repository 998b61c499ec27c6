import type { BlobStore } from '../../blobs/blob-store.ts'
import { startPeriodic } from '../../concurrency/periodic.ts'
import type { Database } from '../../db/open.ts'
import { createBlobCollection, type Removals } from './blobs.ts'
import { createReadTagHistory } from './history.ts'
import { createLinkCollection } from './links.ts'
import { createManifestCollection } from './manifests.ts'
import { type CollectionPlan, createPlan, type PlanOptions } from './plan.ts'
import { createRemainsCollection } from './remains.ts'
import { createRepositoryPages } from './repositories.ts'
import { type Collection, createCollectionRows, type Tally } from './rows.ts'
import { type CollectionLimits, type CollectionPolicy, type Terms, termsAt } from './terms.ts'
import { discardAbandoned } from './uploads.ts'

/** Where the collector tells what went wrong. */
export interface CollectorLog {
  error(object: object, message: string): void
}

export interface CollectorDependencies {
  readonly db: Database
  readonly blobs: BlobStore
  readonly limits: CollectionLimits
  readonly policy: CollectionPolicy
  /** Milliseconds from the end of one scheduled run to the next; null for none but those that are asked for. */
  readonly intervalMs: number | null
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly log?: CollectorLog
}

/**
 * Frees what nothing refers to, while the registry serves. It never takes what a client was told of within the lease: each
 * deleting transaction asks again. Rows go before files, so an end of the server at any point leaves at most files that
 * nobody wants, and the next run removes those. Disposing stops it, and resolves when it has stopped.
 */
export interface Collector extends AsyncDisposable {
  /** What `collect` would do now, and why what stays is kept; changes nothing. */
  plan(options?: PlanOptions, signal?: AbortSignal): Promise<CollectionPlan>
  /**
   * Runs once; a call while one runs joins it, and only the first's signal can stop it. Files that could not be removed
   * are told by the collection's message. Rejects with what ended it early.
   */
  collect(signal?: AbortSignal): Promise<Collection>
  /** The newest run, with what went so far while it runs. */
  last(): Collection | undefined
  /** Runs by the interval from now on, at once when one is due. */
  start(): void
}

interface Run {
  readonly id: number
  readonly tally: Tally
  readonly failures: Failures
}

/** Removals that failed: how many and how, but not each of what may be a whole disk's. */
interface Failures {
  count: number
  first: unknown
  readonly codes: Set<string>
}

export function createCollector(dependencies: CollectorDependencies): Collector {
  const { db, blobs, limits, policy, intervalMs, now, log } = dependencies
  const rows = createCollectionRows(db)
  rows.closeInterrupted()
  const repositoryPages = createRepositoryPages(db)
  const manifests = createManifestCollection(db, createReadTagHistory(db))
  const links = createLinkCollection(db)
  const files = createBlobCollection(db, blobs)
  const remains = createRemainsCollection(db, repositoryPages)
  const plan = createPlan({ db, blobs, repositoryPages, manifests, links, files })
  const stopping = new AbortController()
  let running: { readonly run: Run; readonly done: Promise<Collection> } | undefined
  let planning: Promise<unknown> = Promise.resolve()
  let timetable: Disposable | undefined
  const orStopping = (signal: AbortSignal | undefined): AbortSignal =>
    signal ? AbortSignal.any([stopping.signal, signal]) : stopping.signal

  async function sweep({ tally, failures }: Run, terms: Terms, signal: AbortSignal): Promise<void> {
    const counted = (what: 'blobs' | 'uploads'): Removals => ({
      removed(bytes) {
        tally[what]++
        tally.bytes += bytes
      },
      failed(error) {
        if (failures.count++ === 0) failures.first = error
        failures.codes.add((error as NodeJS.ErrnoException).code ?? 'unknown')
      },
    })
    await discardAbandoned(blobs, terms, counted('uploads'), signal)
    for await (const repositories of repositoryPages(signal)) {
      for (const repository of repositories) {
        tally.manifests += await manifests.sweep(repository, terms, signal)
        await links.sweep({ repositoryId: repository.id, signal }, terms)
      }
    }
    await files.sweep(counted('blobs'), signal)
    await files.sweepStrays(counted('blobs'), signal)
    await remains.sweepRepositories(terms, signal)
    await remains.sweepReferences(signal)
  }

  async function finish(run: Run, signal: AbortSignal): Promise<Collection> {
    const { id, tally, failures } = run
    try {
      await sweep(run, termsAt(now(), limits, policy), signal)
    } catch (error) {
      // one that was stopped is not finished: the job does it again after a restart
      const finishedAt = signal.aborted ? null : now()
      rows.end(id, tally, { finishedAt, message: signal.aborted ? 'it was stopped' : messageOf(error) })
      throw error
    }
    const { count, first } = failures
    if (count > 0) log?.error({ err: first, failures: count }, 'files could not be removed')
    rows.end(id, tally, { finishedAt: now(), message: messageOfFailures(failures) })
    return rows.byId(id) as Collection
  }

  const collect: Collector['collect'] = async (signal) => {
    stopping.signal.throwIfAborted()
    signal?.throwIfAborted()
    if (running) return running.done
    const run: Run = {
      id: rows.start(now()),
      tally: { manifests: 0, blobs: 0, uploads: 0, bytes: 0 },
      failures: { count: 0, first: undefined, codes: new Set() },
    }
    const done = finish(run, orStopping(signal)).finally(() => {
      running = undefined
    })
    running = { run, done }
    return done
  }

  return {
    collect,

    plan(options = {}, signal) {
      // one at a time: they share a table, and two at once would not be done sooner
      const planned = planning.then(() => {
        const either = orStopping(signal)
        either.throwIfAborted()
        return plan(termsAt(now(), limits, policy), options, either)
      })
      planning = planned.catch(() => {})
      return planned
    },

    last() {
      const last = rows.last()
      return last && running?.run.id === last.id ? { ...last, ...running.run.tally } : last
    },

    start() {
      if (intervalMs === null || stopping.signal.aborted) return
      timetable ??= startPeriodic({
        intervalMs,
        now,
        lastFinish: rows.lastFinish,
        run: () => collect(),
        onError(error) {
          if (!stopping.signal.aborted) log?.error({ err: error }, 'garbage collection failed')
        },
      })
    },

    async [Symbol.asyncDispose]() {
      timetable?.[Symbol.dispose]()
      stopping.abort(new Error('the collector has been stopped'))
      await Promise.allSettled([running?.done, planning])
    },
  }
}

/** Codes only: a path is for the log. */
const messageOfFailures = ({ count, codes }: Failures): string | null =>
  count === 0 ? null : `${count} removals of files failed, with ${[...codes].join(', ')}: the log says more`

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

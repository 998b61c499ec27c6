import type { AuditRecorder } from '../../access/audit/audit-log.ts'
import { requireServerAdmin, SYSTEM, type Viewer } from '../../access/right/viewer.ts'
import type { BlobStore } from '../../blobs/blob-store.ts'
import { KeyLock } from '../../concurrency/bounded.ts'
import { startPeriodic } from '../../concurrency/periodic.ts'
import { SingleFlight } from '../../concurrency/single-flight.ts'
import type { Database } from '../../db/open.ts'
import { createPlanLimit } from '../kept/plan-limit.ts'
import { CollectionRun, createCollectionParts } from './collection-run.ts'
import { createCollections, type GarbageCollection } from './collections.ts'
import { createPlan, GarbageCollectionPlan } from './plan.ts'
import { NO_HOLD, type RemovalHold } from './removal-hold.ts'
import { type CollectionPolicy, collectionTermsAt } from './terms.ts'

export interface CollectorDependencies {
  readonly db: Database
  readonly audit: AuditRecorder
  readonly blobs: BlobStore
  /** Holds off the removal of files while a backup runs; absent where none copies the store. */
  readonly hold?: RemovalHold
  /** Milliseconds that content is kept after the registry last confirmed it to a client. */
  readonly lease: number
  readonly policy: CollectionPolicy
  /** Milliseconds from the end of one scheduled run to the start of the next; null for no scheduled runs. */
  readonly intervalMs: number | null
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly log?: { error(object: object, message: string): void }
}

/** Garbage collection of the integrated registry. */
export type Collector = ReturnType<typeof createCollector>

/**
 * Creates the garbage collection of the integrated registry, while it serves. Content that was confirmed to a client
 * within the lease is kept: each deleting transaction checks again. Rows are deleted before files, so that a crash
 * leaves at most unused files, which the next run removes. Disposing aborts the run, and resolves when it has stopped.
 */
export function createCollector(dependencies: CollectorDependencies) {
  const { db, audit, blobs, hold = NO_HOLD, lease, policy, intervalMs, now, log } = dependencies
  const collections = createCollections(db)
  collections.closeInterrupted()
  const parts = createCollectionParts(db, blobs, hold)
  const plan = createPlan(parts)
  const stopping = new AbortController()
  const runs = new SingleFlight<GarbageCollection>()
  const plans = new KeyLock()
  const limited = createPlanLimit()
  let running: CollectionRun | undefined
  let schedule: Disposable | undefined
  const withStopping = (signal: AbortSignal | undefined): AbortSignal =>
    signal ? AbortSignal.any([stopping.signal, signal]) : stopping.signal
  const terms = () => collectionTermsAt(now(), lease, policy)

  const current = (stored: GarbageCollection | undefined): GarbageCollection | undefined =>
    stored && running?.id === stored.id ? { ...stored, ...running.tally } : stored

  const runOnce = async (signal: AbortSignal): Promise<GarbageCollection> => {
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
    return collections.byId(run.id) as GarbageCollection
  }

  /**
   * Runs once; a call during a run joins it, and only the signal of the first call can abort it. Files that cannot be
   * removed are in the collection's message. Rejects with the error that stopped it, ForbiddenError or
   * UnauthenticatedError.
   */
  const collect = async (viewer: Viewer, signal?: AbortSignal): Promise<GarbageCollection> => {
    requireServerAdmin(viewer)
    stopping.signal.throwIfAborted()
    signal?.throwIfAborted()
    const action = { action: 'collectGarbage', namespace: null, target: null }
    db.transact((tx) => audit.record(tx, viewer, action))
    return runs.run('collect', () => runOnce(withStopping(signal)))
  }

  return {
    collect,

    /** Returns what `collect` would remove, and why the rest is kept, without changes. Its reads reject with TooManyPlansError. */
    plan(viewer: Viewer, signal?: AbortSignal): GarbageCollectionPlan {
      requireServerAdmin(viewer)
      const either = withStopping(signal)
      // one plan at a time: they share a temporary table
      return new GarbageCollectionPlan((report) =>
        limited(() =>
          plans.run('plan', () => {
            either.throwIfAborted()
            return plan(terms(), report, either)
          }),
        ),
      )
    },

    /** Returns the newest run, with the current counts while it runs. */
    last: (): GarbageCollection | undefined => current(collections.last()),

    /** Returns a run as `last` does; undefined for an unknown id. */
    byId: (id: number): GarbageCollection | undefined => current(collections.byId(id)),

    /** Starts the scheduled runs, the first at once if it is due. */
    start(): void {
      if (intervalMs === null || stopping.signal.aborted) return
      schedule ??= startPeriodic({
        intervalMs,
        now,
        lastFinish: collections.lastFinish,
        run: () => collect(SYSTEM),
        onError(error) {
          if (!stopping.signal.aborted) log?.error({ err: error }, 'garbage collection failed')
        },
      })
    },

    async [Symbol.asyncDispose](): Promise<void> {
      schedule?.[Symbol.dispose]()
      stopping.abort(new Error('the collector has been stopped'))
      await Promise.allSettled([...runs.inFlight, plans.run('plan', () => {})])
    },
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

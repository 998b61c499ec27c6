import type { Database } from '../../db/open.ts'
import { KubernetesError } from '../client/errors.ts'
import type { ConnectedCluster } from '../observe/observer.ts'
import type { WorkloadRow } from '../observe/workload-rows.ts'
import { type CompareDependencies, compare } from './compare.ts'
import type { DueRows } from './due-rows.ts'

export interface ReconcilerDependencies extends CompareDependencies {
  readonly db: Database
  readonly due: DueRows
  /** Returns a cluster that can be reached; undefined for others, whose workloads wait. */
  readonly connected: (clusterId: number) => ConnectedCluster | undefined
  /** Receives errors that are none of a cluster. */
  readonly onError: (error: unknown) => void
}

/** Workloads of one cluster that are compared at a time. */
const CONCURRENCY = 4
/** Milliseconds before the first retry; doubled before each further one, up to the longest. */
const FIRST_PAUSE = 1_000
const LONGEST_PAUSE = 5 * 60_000
/** Milliseconds after which it is looked again whether a person has resolved what the server cannot observe. */
const LOOK_AGAIN = 10 * 60_000
const NOT_OBSERVED = ['FORBIDDEN', 'REFUSED', 'NOT_FOUND']
/** Milliseconds: timers are not longer, so that a clock that is set forward is noticed. */
const LONGEST_TIMER = 60_000

interface Runner {
  readonly running: Map<number, Promise<void>>
  timer: NodeJS.Timeout | undefined
  /** Results that could not be stored, one after the other: what they are about stays due. */
  unstored: number
}

const pauseAfter = (failures: number): number =>
  Math.min(FIRST_PAUSE * 2 ** Math.min(failures, 20), LONGEST_PAUSE)

/**
 * Creates the comparison of workloads with their tags, each cluster on its own. What is due is in the database, and what is
 * done depends on the states alone: after a crash a comparison is repeated, and finds done what was done.
 */
export function createReconciler(dependencies: ReconcilerDependencies) {
  const { db, due, connected, now, onError } = dependencies
  const runners = new Map<number, Runner>()
  const stopping = new AbortController()

  const reconcile = async (cluster: ConnectedCluster, row: WorkloadRow): Promise<void> => {
    const { signal } = stopping
    try {
      const compared = { ...cluster, workload: row, containers: due.containersOf(row.id) }
      const comparison = await compare(compared, dependencies, signal)
      const mayChange = comparison.conditions.some(({ reason }) => NOT_OBSERVED.includes(reason))
      const nextAt = mayChange ? now() + LOOK_AGAIN : null
      await db.transactTogether((tx) => due.settle(tx, { row, nextAt }, comparison))
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof KubernetesError)) onError(error)
      const pause = pauseAfter(row.failureCount)
      const wait = Math.max(pause, error instanceof KubernetesError ? (error.retryAfter ?? 0) : 0)
      const message = error instanceof KubernetesError ? error.message : 'internal error'
      const problem = {
        reason: 'RETRYING',
        message: `the last request failed: ${message}`,
        remedy: 'the server tries again; conditions of the cluster say whether it can be reached',
        fieldPath: null,
      } as const
      await db.transactTogether((tx) => due.postpone(tx, { row, nextAt: now() + wait }, problem))
    }
  }

  const fill = (clusterId: number): void => {
    const cluster = connected(clusterId)
    if (stopping.signal.aborted || !cluster || !db.isOpen()) return
    const runner = runners.get(clusterId) ?? { running: new Map(), timer: undefined, unstored: 0 }
    runners.set(clusterId, runner)
    clearTimeout(runner.timer)
    const { running } = runner
    if (running.size >= CONCURRENCY) return
    for (const row of due.due(clusterId, CONCURRENCY - running.size, [...running.keys()])) {
      const done = reconcile(cluster, row)
        .then(
          () => {
            runner.unstored = 0
          },
          (error: unknown) => {
            onError(error)
            runner.unstored++
          },
        )
        .then(() => {
          running.delete(row.id)
          if (runner.unstored === 0) fill(clusterId)
          else if (running.size === 0) later(clusterId, runner, pauseAfter(runner.unstored - 1))
        })
      running.set(row.id, done)
    }
    const nextAt = running.size > 0 ? null : due.nextDueAt(clusterId)
    if (nextAt === null) return
    later(clusterId, runner, Math.min(Math.max(nextAt - now(), 0), LONGEST_TIMER))
  }
  const later = (clusterId: number, runner: Runner, delay: number): void => {
    clearTimeout(runner.timer)
    if (!stopping.signal.aborted) runner.timer = setTimeout(() => fill(clusterId), delay).unref()
  }

  return {
    /** Compares what is due in a cluster, now and later; after results that could not be stored only later. */
    wake(clusterId: number): void {
      if (!runners.get(clusterId)?.unstored) fill(clusterId)
    },

    async [Symbol.asyncDispose](): Promise<void> {
      stopping.abort(new Error('the server stops'))
      for (const { timer } of runners.values()) clearTimeout(timer)
      await Promise.all([...runners.values()].flatMap(({ running }) => [...running.values()]))
    },
  }
}

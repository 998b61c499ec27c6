import { type SetTimer, systemTimer } from '../concurrency/clock.ts'
import { yieldToEventLoop } from '../concurrency/yielding.ts'
import type { Database } from '../db/open.ts'
import type { Importer } from '../imagestream/import/import.ts'
import { createFanOut } from './fan-out.ts'
import { createHintTargets } from './hint-targets.ts'
import { createRequestTargets } from './request-targets.ts'
import type { HintRetries } from './retries.ts'

export interface HintWorkerDependencies {
  readonly db: Database
  readonly importer: Pick<Importer, 'request'>
  readonly retries: Pick<HintRetries, 'next'>
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Receives internal errors; open hints are processed again at the next wake. */
  readonly onError: (error: unknown) => void
  /** `systemTimer` unless given. */
  readonly setTimer?: SetTimer
}

/** Processes hints. */
export type HintWorker = ReturnType<typeof createHintWorker>

/** Creates the worker that processes hints: it requests imports of exactly the tags that they concern. */
export function createHintWorker(dependencies: HintWorkerDependencies) {
  const { db, importer, retries, now, onError, setTimer = systemTimer } = dependencies
  const fanOut = createFanOut(db, now, createHintTargets(db))
  const requestTargets = createRequestTargets(db, now, importer)
  let isStopped = false
  let cancelTimer = (): void => {}
  let running: Promise<void> | undefined
  /** Set by `wake`: there may be hints that the current pass has not seen. */
  let isAwake = false

  const process = async (): Promise<void> => {
    do {
      isAwake = false
      for (let hasMore = true; hasMore && !isStopped; ) {
        // other work runs between two commits
        await yieldToEventLoop()
        if (isStopped) return
        const hadHints = db.transact(fanOut)
        hasMore = db.transact(requestTargets) || hadHints
      }
    } while (isAwake && !isStopped)
    cancelTimer()
    const next = retries.next()
    if (next !== undefined) cancelTimer = setTimer(wake, next - now())
  }
  const wake = (): void => {
    isAwake = true
    if (isStopped) return
    running ??= process()
      .catch(onError)
      .finally(() => {
        running = undefined
        // woken after the last pass
        if (isAwake) wake()
      })
  }

  return {
    /** Starts processing, or makes it continue, because there may be open hints. */
    wake,
    /** Resolves when no hint is left that can be processed now. */
    async idle(): Promise<void> {
      while (running) await running
    },
    [Symbol.dispose](): void {
      isStopped = true
      cancelTimer()
    },
  }
}

import { type SetTimer, systemTimer } from '../../concurrency/clock.ts'
import { yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import type { Attempts } from './attempt.ts'
import { type BeginningsDependencies, type Begun, createBeginnings } from './beginnings.ts'
import type { DueLanes } from './due-lanes.ts'
import { createEndings, type Ended, type EndingsDependencies } from './endings.ts'
import type { LogReader } from './log-reader.ts'
import { isBusy, Places } from './places.ts'

export interface WorkerDependencies extends BeginningsDependencies, EndingsDependencies {
  readonly db: Pick<Database, 'transact' | 'transactUnsynced'>
  readonly reader: LogReader
  readonly dueLanes: DueLanes
  /** Resumes triggers whose pause has ended. */
  readonly resumeEnded: (tx: Transaction) => void
  /** Returns when the next pause ends, in milliseconds since 1970. */
  readonly nextResumeAt: () => number | undefined
  readonly attempt: Attempts['run']
  /** Called after each pass: ends of attempts are stored. */
  readonly onPass: () => void
  /** Receives internal errors; the work is done again after some seconds. */
  readonly onError: (error: unknown) => void
  /** `systemTimer` unless given. */
  readonly setTimer?: SetTimer
}

/** An attempt that has begun, in its place. */
interface Started {
  readonly begun: Begun
  readonly release: (isSlow?: boolean) => void
}

/** Milliseconds until a pass that failed is made again. */
const PAUSE_AFTER_ERROR = 5_000

/**
 * Creates the worker, which runs when it is woken and when an attempt is due. Each pass is one short transaction: it stores how
 * attempts ended, notes what moved, and begins what is due. Requests are sent after the commit, which is not synced to the disk: a
 * delivery that a power cut undoes is sent again, with the same id.
 */
export function createTriggerWorker(dependencies: WorkerDependencies) {
  const { db, reader, dueLanes, attempt, guarding, resumeEnded, nextResumeAt, now, onPass, onError } =
    dependencies
  const { setTimer = systemTimer } = dependencies
  const store = createEndings(dependencies)
  const beginnings = createBeginnings(dependencies)
  const places = new Places()
  /** Attempts under way, by the number of their target. */
  const running = new Map<number, Promise<void>>()
  const stop = new AbortController()
  /** Attempts whose end is not stored yet. */
  let unstored: readonly Ended[] = []
  let cancelTimer = (): void => {}
  let work: Promise<void> | undefined
  /** Set by `wake`: there may be work that the current pass has not seen. */
  let isAwake = false

  /** Begins attempts of what is due, as many as may run, and adds them to `started`. */
  const beginDue = (tx: Transaction, started: Started[]): void => {
    for (const lane of dueLanes.due(now())) {
      const free = places.free(lane)
      if (free === 0) continue
      const begun = beginnings.begin(tx, lane, free, (id) => running.has(id))
      dueLanes.refresh(lane)
      // guards took none of the places
      if (begun.length < free && dueLanes.isDue(lane, now())) isAwake = true
      started.push(...begun.map((one) => ({ begun: one, release: places.take(lane) })))
    }
  }

  /** Returns what has begun, and whether there is more to read. If the transaction fails, nothing has happened. */
  const pass = (): { readonly started: readonly Started[]; readonly hasMore: boolean } => {
    const storing = unstored
    const started: Started[] = []
    try {
      const hasMore = db.transactUnsynced((tx) => {
        for (const one of storing) store(tx, one)
        resumeEnded(tx)
        const hasMore = reader.readPart(tx)
        beginDue(tx, started)
        return hasMore
      })
      unstored = unstored.slice(storing.length)
      return { started, hasMore }
    } catch (error) {
      for (const { release } of started) release()
      dueLanes.reload()
      throw error
    }
  }

  const run = ({ begun, release }: Started): void => {
    const { id } = begun.target
    const ended = attempt({ ...begun, signal: stop.signal })
      .then((end) => {
        unstored = [...unstored, { ...end, begun }]
        release(end.isSent ? isBusy(end.answer.status, end.answer.failure === null) : undefined)
      })
      .catch((error: unknown) => {
        release()
        if (!stop.signal.aborted) onError(error)
      })
      .finally(() => {
        running.delete(id)
        wake()
      })
    running.set(id, ended)
  }

  const passes = async (): Promise<void> => {
    // not in the transaction that woke it, whose response would wait
    await yieldToEventLoop()
    for (let hasMore = true; (hasMore || isAwake) && !stop.signal.aborted; ) {
      isAwake = false
      const result = pass()
      hasMore = result.hasMore
      for (const one of result.started) run(one)
      await yieldToEventLoop()
    }
    onPass()
    cancelTimer()
    const next = Math.min(dueLanes.next(now()), nextResumeAt() ?? Number.POSITIVE_INFINITY)
    if (next < Number.POSITIVE_INFINITY) cancelTimer = setTimer(wake, Math.max(0, next - now()))
  }

  const wake = (): void => {
    isAwake = true
    if (stop.signal.aborted) return
    work ??= passes()
      .catch((error: unknown) => {
        onError(error)
        cancelTimer()
        // nothing else may wake it for hours
        if (!stop.signal.aborted) cancelTimer = setTimer(wake, PAUSE_AFTER_ERROR)
      })
      .finally(() => {
        work = undefined
        if (isAwake && !stop.signal.aborted) wake()
      })
  }

  return {
    /** Starts work, or makes it continue, because there may be some. */
    wake,
    /** Resolves when nothing is left that can be done now. */
    async idle(): Promise<void> {
      await guarding.idle()
      while (work || running.size > 0) {
        await Promise.all([work, ...running.values()])
        await guarding.idle()
      }
    },
    async [Symbol.asyncDispose](): Promise<void> {
      stop.abort(new Error('the server stops'))
      guarding.stop()
      cancelTimer()
      await Promise.all([work, ...running.values()])
      // what receivers have accepted is not sent again after the restart
      if (unstored.length === 0) return
      db.transact((tx) => {
        for (const one of unstored) store(tx, one)
      })
    },
  }
}

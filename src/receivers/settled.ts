import { and, eq, inArray } from 'drizzle-orm'
import { Deadline, unlessAborted } from '../concurrency/abort.ts'
import { yieldToEventLoop } from '../concurrency/yielding.ts'
import type { Database } from '../db/open.ts'
import { receiverHints, receiverTargets } from '../db/tables/receiver.ts'
import type { Importer } from '../imagestream/import/import.ts'
import { createImportEffects } from '../imagestream/stored-import/import-effects.ts'
import type { HintWorker } from './worker.ts'

interface SettledDependencies {
  readonly db: Database
  readonly importer: Pick<Importer, 'wait'>
  readonly worker: Pick<HintWorker, 'idle'>
}

/**
 * Returns a function that resolves when all targets of a delivery are settled or wait for the time of a retry, or after so
 * many seconds.
 */
export function createSettled({ db, importer, worker }: SettledDependencies) {
  const { orm } = db
  const effects = createImportEffects(db)

  /** Returns an unfinished import that the delivery waits for; undefined if there is none. */
  const unfinishedOf = (deliveryId: number): number | undefined => {
    const { importId, state, nextAttemptAt, streamId } = receiverTargets
    const isUnsettled = and(eq(receiverHints.deliveryId, deliveryId), inArray(state, ['OPEN', 'REQUESTED']))
    const targets = orm
      .select({ importId, state, nextAttemptAt, streamId })
      .from(receiverTargets)
      .innerJoin(receiverHints, eq(receiverHints.id, receiverTargets.hintId))
      .where(isUnsettled)
      .all()
    const running = new Map(effects.unfinished().map((one) => [one.streamId, one.id]))
    const [any] = running.values()
    for (const target of targets) {
      if (target.state === 'REQUESTED') return target.importId ?? undefined
      // it waits for the import of its stream, or for one of the imports of other hints
      const awaited = running.get(target.streamId) ?? any
      if (target.nextAttemptAt === null && awaited !== undefined) return awaited
    }
    return undefined
  }

  return async (deliveryId: number, seconds: number): Promise<void> => {
    if (seconds === 0) return
    using deadline = new Deadline(seconds * 1000)
    const wait = async (): Promise<void> => {
      for (;;) {
        await worker.idle()
        const importId = unfinishedOf(deliveryId)
        if (importId === undefined || deadline.signal.aborted) return
        await importer.wait(importId, seconds)
        // the end of an import wakes the worker
        await yieldToEventLoop()
      }
    }
    await unlessAborted(wait(), deadline.signal).catch((error: unknown) => {
      if (!deadline.signal.aborted) throw error
    })
  }
}

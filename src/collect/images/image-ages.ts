import { max } from 'drizzle-orm'
import { BATCH, yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import { images } from '../../db/tables/index.ts'

interface Observation {
  readonly at: number
  readonly lastId: number
}

/** Maximum number of observations: one for each run. */
const MAX_OBSERVATIONS = 200

/**
 * Estimates when images were stored, which their rows do not contain. Ids ascend in the order of storing: evidence that
 * an image existed at a time also holds for all images with lower ids. Evidence is an entry of the change log, or an
 * observation of this process. Without evidence an image counts as young.
 */
export function createImageAges(db: Database) {
  // the first push of an image that is still in the log: later ones prove less
  const proofs = db.prepare<{ lowest: number | null; proved: number | null }>(
    `select min(i.id) as lowest, max(iif(
       (select pushed_at from push_log where image_id = i.id order by sequence limit 1) <= ?, i.id, null)) as proved
     from (select id from images where id < ? and id > ? order by id desc limit ${BATCH}) i`,
  )
  const observations: Observation[] = []
  return {
    /** Records the newest image at this time, as evidence for later runs. */
    observe(now: number): void {
      // drops the second: the first is the oldest evidence
      if (observations.length >= MAX_OBSERVATIONS) observations.splice(1, 1)
      const newest = db.orm
        .select({ id: max(images.id) })
        .from(images)
        .get()
      observations.push({ at: now, lastId: newest?.id ?? 0 })
    },

    /** Returns the highest id that was stored by `time` (milliseconds since 1970); 0 without evidence. */
    async lastStoredBy(time: number, signal: AbortSignal): Promise<number> {
      const observed = Math.max(0, ...observations.filter(({ at }) => at <= time).map(({ lastId }) => lastId))
      for (let before = Number.MAX_SAFE_INTEGER; ; ) {
        const { lowest = null, proved = null } = proofs.get(time, before, observed) ?? {}
        if (proved !== null) return proved
        if (lowest === null) return observed
        before = lowest
        await yieldToEventLoop(signal)
      }
    },
  }
}

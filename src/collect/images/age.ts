import { BATCH, yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'

/**
 * How old images are, which their rows do not say. Their ids ascend as they are stored, so whatever proves that one was
 * there at a time proves it of all before it: an entry of the push log, or that this process saw it. Without proof an
 * image counts as young.
 */
export interface ImageAges {
  /** Notes which images there are now, as a proof for later. */
  look(now: number): void
  /** The last image that is known to have been stored by then (milliseconds since 1970); 0 where none is. */
  lastStoredBy(time: number, signal: AbortSignal): Promise<number>
}

interface Sighting {
  readonly at: number
  readonly lastId: number
}

/** Sightings that are held: one for each run, and the first. */
const MAXIMUM_SIGHTINGS = 200

export function createImageAges(db: Database): ImageAges {
  const newest = db.prepare<{ id: number }>('select coalesce(max(id), 0) as id from images')
  // its first push that is still in the log: all later ones prove less
  const proofs = db.prepare<{ lowest: number | null; proved: number | null }>(
    `select min(i.id) as lowest, max(iif(
       (select pushed_at from push_log where image_id = i.id order by sequence limit 1) <= ?, i.id, null)) as proved
     from (select id from images where id < ? and id > ? order by id desc limit ${BATCH}) i`,
  )
  const sightings: Sighting[] = []

  return {
    look(now) {
      // the second is the one to forget: the first is what all others are later than
      if (sightings.length >= MAXIMUM_SIGHTINGS) sightings.splice(1, 1)
      sightings.push({ at: now, lastId: newest.get()?.id ?? 0 })
    },

    async lastStoredBy(time, signal) {
      const seen = Math.max(0, ...sightings.filter(({ at }) => at <= time).map(({ lastId }) => lastId))
      for (let before = Number.MAX_SAFE_INTEGER; ; ) {
        const { lowest = null, proved = null } = proofs.get(time, before, seen) ?? {}
        if (proved !== null) return proved
        if (lowest === null) return seen
        before = lowest
        await yieldToEventLoop(signal)
      }
    },
  }
}

import { count, max, sql, sum } from 'drizzle-orm'
import { yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import { blobs } from '../../db/tables/index.ts'

/** Rows of one statement, between which other work runs. */
const WINDOW = 5_000
/** Milliseconds after which the figures are counted again when they are read. */
const LIFETIME = 5 * 60_000

/** Number and bytes of the stored blobs. */
export interface BlobFigures {
  readonly count: number
  readonly bytes: number
}

/**
 * Returns a function for the number and bytes of all blobs; undefined until they were counted for the first time. They are counted
 * in the background when they are read, at most every 5 minutes.
 */
export function createBlobFigures(
  db: Database,
  now = () => performance.now(),
): () => BlobFigures | undefined {
  const next = (after: string) => {
    const { digest, size } = blobs
    const window = db.orm
      .select({ digest, size })
      .from(blobs)
      .where(sql`${digest} > ${after}`)
      .orderBy(digest)
      .limit(WINDOW)
    const rows = window.as('w')
    return db.orm
      .select({ count: count(), bytes: sum(rows.size).mapWith(Number), last: max(rows.digest) })
      .from(rows)
      .get()
  }
  let known: BlobFigures | undefined
  let countedAt = Number.NEGATIVE_INFINITY
  let isCounting = false

  const recount = async (): Promise<void> => {
    let total: BlobFigures = { count: 0, bytes: 0 }
    for (let last: string | null = ''; last !== null && db.isOpen(); await yieldToEventLoop()) {
      const window = next(last)
      total = { count: total.count + (window?.count ?? 0), bytes: total.bytes + (window?.bytes ?? 0) }
      last = window?.last ?? null
    }
    if (db.isOpen()) known = total
    countedAt = now()
  }

  return () => {
    if (!isCounting && now() - countedAt >= LIFETIME) {
      isCounting = true
      void recount().finally(() => {
        isCounting = false
      })
    }
    return known
  }
}

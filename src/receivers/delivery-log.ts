import { and, desc, eq, exists, isNull, lte, ne, not, or, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../db/open.ts'
import { receiverDeliveries, receiverHints, receivers } from '../db/tables/receiver.ts'
import type { Transaction } from '../db/transact.ts'
import type { Digest } from '../oci/digest.ts'
import { createDeliveryHistory, type LoggedDelivery } from './delivery-history.ts'
import { createDuplicateCheck, targetsOfHint } from './duplicate-check.ts'
import type { ScopedHint } from './scope.ts'

export type DeliveryOutcome = LoggedDelivery['outcome']

/** A delivery to be logged. */
export interface DeliveryEntry {
  readonly receiverId: number
  readonly senderDeliveryId: string | null
  readonly bodyDigest: Digest
  readonly summary: string | null
  readonly senderAddress: string
  readonly isTest: boolean
}

/** The result of a delivery without new hints for its receiver. */
interface UnacceptedResult {
  readonly outcome: Exclude<DeliveryOutcome, 'ACCEPTED'>
  readonly message: string
  readonly isLogged: boolean
}

/** Accepted deliveries that are kept of one receiver. */
export const KEPT_ACCEPTED = 1000
/** Other deliveries that are kept of one receiver. */
export const KEPT_OTHERS = 500
/** Milliseconds for which deliveries are kept. */
export const KEPT_FOR = 30 * 24 * 3_600_000
/** Milliseconds after an authenticated delivery during which a refused one does not make the receiver FAILING. */
const TRUSTED_FOR = 3_600_000

/** The log of deliveries. */
export type DeliveryLog = ReturnType<typeof createDeliveryLog>

/**
 * Creates the log of deliveries to receivers, with their sources and outcomes: never a body, a header or a secret. `now` in
 * milliseconds since 1970.
 */
export function createDeliveryLog(db: Database, now: () => number) {
  const { orm } = db
  const isDuplicate = createDuplicateCheck(db)
  /** Receivers with new entries since the last `trim`. */
  const grown = new Set<number>()

  const insert = (
    { isTest, ...entry }: DeliveryEntry,
    outcome: DeliveryOutcome,
    message: string | null,
  ): number => {
    grown.add(entry.receiverId)
    const row = { ...entry, isTest: isTest ? 1 : 0, receivedAt: now(), outcome, message } as const
    return Number(orm.insert(receiverDeliveries).values(row).run().lastInsertRowid)
  }
  const countAccepted = (receiverId: number, message: string | null): void => {
    const counted = { acceptedCount: sql`${receivers.acceptedCount} + 1`, lastAcceptedAt: now(), message }
    orm.update(receivers).set(counted).where(eq(receivers.id, receiverId)).run()
  }
  const countRefused = (receiverId: number, refusal: string): void => {
    const isUntrusted = sql`coalesce(${receivers.lastAcceptedAt}, 0) < ${now() - TRUSTED_FOR}`
    const message = sql`case when ${isUntrusted} then ${refusal} else ${receivers.message} end`
    const counted = { refusedCount: sql`${receivers.refusedCount} + 1`, lastRefusedAt: now(), message }
    orm.update(receivers).set(counted).where(eq(receivers.id, receiverId)).run()
  }

  return {
    ...createDeliveryHistory(db),

    /**
     * Stores the delivery with its hints and returns its id, unless it is a duplicate; then it writes nothing and returns
     * undefined. Hints that are not followed are stored as handled, without targets.
     */
    accept(_tx: Transaction, entry: DeliveryEntry, hints: readonly ScopedHint[], isFollowed: boolean) {
      const { receiverId, isTest } = entry
      if (!isTest && isDuplicate(entry)) return undefined
      const deliveryId = insert(entry, 'ACCEPTED', null)
      const receivedAt = now()
      const handledAt = isFollowed ? null : receivedAt
      const rows = hints.map((hint) => ({ ...hint, deliveryId, receiverId, receivedAt, handledAt }))
      if (rows.length > 0) orm.insert(receiverHints).values(rows).run()
      if (!isTest) countAccepted(receiverId, null)
      return deliveryId
    },

    /** Counts a delivery without new hints for its receiver. Stores it and returns its id if `isLogged`. */
    note(
      _tx: Transaction,
      entry: DeliveryEntry,
      { outcome, message, isLogged }: UnacceptedResult,
    ): number | undefined {
      const deliveryId = isLogged ? insert(entry, outcome, message) : undefined
      if (entry.isTest) return deliveryId
      if (outcome === 'REFUSED') countRefused(entry.receiverId, message)
      else countAccepted(entry.receiverId, outcome === 'FAILED' ? message : null)
      return deliveryId
    },

    /** Deletes old deliveries, and the oldest of receivers that have too many, unless their hints are still open. */
    trim(_tx: Transaction): void {
      trimOlderThan(db, now() - KEPT_FOR)
      for (const receiverId of grown) {
        const ofReceiver = eq(receiverDeliveries.receiverId, receiverId)
        trimToNewest(db, KEPT_ACCEPTED, and(ofReceiver, eq(receiverDeliveries.outcome, 'ACCEPTED')))
        trimToNewest(db, KEPT_OTHERS, and(ofReceiver, ne(receiverDeliveries.outcome, 'ACCEPTED')))
      }
      grown.clear()
    },
  }
}

/** Returns the condition of deliveries of which a hint still has to be processed. */
function hasOpenHints(db: Database) {
  const isOpen = or(isNull(receiverHints.handledAt), exists(targetsOfHint(db, true)))
  const isOpenHint = and(eq(receiverHints.deliveryId, receiverDeliveries.id), isOpen)
  return exists(db.orm.select({ id: receiverHints.id }).from(receiverHints).where(isOpenHint))
}

/** Deletes deliveries that were received before a time: ids ascend with it, so only the oldest are read. */
function trimOlderThan(db: Database, time: number): void {
  const firstKept = sql`coalesce(
    (select id from webhook_deliveries where received_at >= ${time} order by id limit 1),
    (select max(id) + 1 from webhook_deliveries))`
  const isOld = and(sql`${receiverDeliveries.id} < ${firstKept}`, not(hasOpenHints(db)))
  db.orm.delete(receiverDeliveries).where(isOld).run()
}

/** Deletes deliveries of one kind but for the newest. */
function trimToNewest(db: Database, kept: number, isOfKind: SQL | undefined): void {
  const newestDeleted = db.orm
    .select({ id: receiverDeliveries.id })
    .from(receiverDeliveries)
    .where(isOfKind)
    .orderBy(desc(receiverDeliveries.id))
    .limit(1)
    .offset(kept)
    .get()
  if (!newestDeleted) return
  const isOld = and(isOfKind, lte(receiverDeliveries.id, newestDeleted.id), not(hasOpenHints(db)))
  db.orm.delete(receiverDeliveries).where(isOld).run()
}

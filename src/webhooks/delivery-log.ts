import {
  and,
  desc,
  eq,
  exists,
  isNotNull,
  isNull,
  lte,
  ne,
  not,
  notExists,
  or,
  type SQL,
  sql,
} from 'drizzle-orm'
import type { Database } from '../db/open.ts'
import { webhookDeliveries, webhookHints, webhooks, webhookTargets } from '../db/tables/webhook.ts'
import type { Transaction } from '../db/transact.ts'
import type { Digest } from '../oci/digest.ts'
import { createDeliveryHistory, type LoggedDelivery } from './delivery-history.ts'
import type { ScopedHint } from './scope.ts'

export type DeliveryOutcome = LoggedDelivery['outcome']

/** A delivery to be logged. */
export interface DeliveryEntry {
  readonly webhookId: number
  readonly senderId: string | null
  readonly bodyDigest: Digest
  readonly note: string | null
  readonly source: string
  readonly isTest: boolean
}

/** The result of a delivery without new hints for its webhook. */
interface UnacceptedResult {
  readonly outcome: Exclude<DeliveryOutcome, 'ACCEPTED'>
  readonly reason: string
  readonly isLogged: boolean
}

/** Accepted deliveries that are kept of one webhook. */
export const KEPT_ACCEPTED = 1000
/** Other deliveries that are kept of one webhook. */
export const KEPT_OTHERS = 500
/** Milliseconds for which deliveries are kept. */
export const KEPT_FOR = 30 * 24 * 3_600_000
/** Milliseconds after an authenticated delivery during which a refused one does not make the webhook FAILING. */
const TRUSTED_FOR = 3_600_000

/** The log of deliveries. */
export type DeliveryLog = ReturnType<typeof createDeliveryLog>

/**
 * Creates the log of deliveries to webhooks, with their sources and outcomes: never a body, a header or a secret. `now` in
 * milliseconds since 1970.
 */
export function createDeliveryLog(db: Database, now: () => number) {
  const { orm } = db
  const isDuplicate = createDuplicateCheck(db)
  /** Webhooks with new entries since the last `trim`. */
  const grown = new Set<number>()

  const insert = (
    { isTest, ...entry }: DeliveryEntry,
    outcome: DeliveryOutcome,
    reason: string | null,
  ): number => {
    grown.add(entry.webhookId)
    const row = { ...entry, isTest: isTest ? 1 : 0, receivedAt: now(), outcome, reason } as const
    return Number(orm.insert(webhookDeliveries).values(row).run().lastInsertRowid)
  }
  const countAccepted = (webhookId: number, trouble: string | null): void => {
    const counted = { accepted: sql`${webhooks.accepted} + 1`, acceptedAt: now(), trouble }
    orm.update(webhooks).set(counted).where(eq(webhooks.id, webhookId)).run()
  }
  const countRefused = (webhookId: number, reason: string): void => {
    const isUntrusted = sql`coalesce(${webhooks.acceptedAt}, 0) < ${now() - TRUSTED_FOR}`
    const trouble = sql`case when ${isUntrusted} then ${reason} else ${webhooks.trouble} end`
    const counted = { refused: sql`${webhooks.refused} + 1`, refusedAt: now(), trouble }
    orm.update(webhooks).set(counted).where(eq(webhooks.id, webhookId)).run()
  }

  return {
    ...createDeliveryHistory(db),

    /** Stores the delivery with its hints, unless it is a duplicate; then it writes nothing. */
    accept(_tx: Transaction, entry: DeliveryEntry, hints: readonly ScopedHint[]): 'ACCEPTED' | 'DUPLICATE' {
      const { webhookId, isTest } = entry
      if (!isTest && isDuplicate(entry)) return 'DUPLICATE'
      const deliveryId = insert(entry, 'ACCEPTED', null)
      const receivedAt = now()
      const rows = hints.map((hint) => ({ ...hint, deliveryId, webhookId, receivedAt }))
      if (rows.length > 0) orm.insert(webhookHints).values(rows).run()
      if (!isTest) countAccepted(webhookId, null)
      return 'ACCEPTED'
    },

    /** Counts a delivery without new hints for its webhook, and stores it if `isLogged`. */
    note(_tx: Transaction, entry: DeliveryEntry, { outcome, reason, isLogged }: UnacceptedResult): void {
      if (isLogged) insert(entry, outcome, reason)
      if (entry.isTest) return
      if (outcome === 'REFUSED') countRefused(entry.webhookId, reason)
      else countAccepted(entry.webhookId, outcome === 'FAILED' ? reason : null)
    },

    /** Deletes old deliveries, and the oldest of webhooks that have too many, unless their hints are still open. */
    trim(_tx: Transaction): void {
      trimOlderThan(db, now() - KEPT_FOR)
      for (const webhookId of grown) {
        const ofWebhook = eq(webhookDeliveries.webhookId, webhookId)
        trimToNewest(db, KEPT_ACCEPTED, and(ofWebhook, eq(webhookDeliveries.outcome, 'ACCEPTED')))
        trimToNewest(db, KEPT_OTHERS, and(ofWebhook, ne(webhookDeliveries.outcome, 'ACCEPTED')))
      }
      grown.clear()
    },
  }
}

/** Returns the targets of the hint of the outer query, open or done. */
function targetsOfHint({ orm }: Database, isOpen: boolean) {
  // a literal, so that the index of open targets is used
  const isInState = isOpen ? sql`${webhookTargets.state} = 'OPEN'` : sql`${webhookTargets.state} <> 'OPEN'`
  const isOfHint = and(eq(webhookTargets.hintId, webhookHints.id), isInState)
  return orm.select({ id: webhookTargets.id }).from(webhookTargets).where(isOfHint)
}

/**
 * Returns a function that reports whether a delivery repeats an earlier one. A delivery with an id repeats that with the
 * same id. One without repeats that with the same body, but only until the registry was requested for the first: after
 * that, the same body may be about another push.
 */
function createDuplicateCheck(db: Database) {
  const { orm } = db
  const accepted = and(
    eq(webhookDeliveries.webhookId, sql.placeholder('webhookId')),
    eq(webhookDeliveries.outcome, 'ACCEPTED'),
    eq(webhookDeliveries.isTest, 0),
  )
  const bySenderId = orm
    .select({ id: webhookDeliveries.id })
    .from(webhookDeliveries)
    .where(and(accepted, eq(webhookDeliveries.senderId, sql.placeholder('senderId'))))
    .limit(1)
    .prepare()
  // also of a hint whose targets were all settled or had none; not of one that waits for a retry
  const isStarted = and(
    eq(webhookHints.deliveryId, webhookDeliveries.id),
    isNotNull(webhookHints.handledAt),
    or(exists(targetsOfHint(db, false)), notExists(targetsOfHint(db, true))),
  )
  const startedHints = orm.select({ id: webhookHints.id }).from(webhookHints).where(isStarted)
  const hasBody = eq(webhookDeliveries.bodyDigest, sql.placeholder('bodyDigest'))
  const byBody = orm
    .select({ id: webhookDeliveries.id })
    .from(webhookDeliveries)
    .where(and(accepted, hasBody, notExists(startedHints)))
    .limit(1)
    .prepare()

  return ({ webhookId, senderId, bodyDigest }: DeliveryEntry): boolean =>
    (senderId === null ? byBody.get({ webhookId, bodyDigest }) : bySenderId.get({ webhookId, senderId })) !==
    undefined
}

/** Returns the condition of deliveries of which a hint still has to be processed. */
function hasOpenHints(db: Database) {
  const isOpen = or(isNull(webhookHints.handledAt), exists(targetsOfHint(db, true)))
  const isOpenHint = and(eq(webhookHints.deliveryId, webhookDeliveries.id), isOpen)
  return exists(db.orm.select({ id: webhookHints.id }).from(webhookHints).where(isOpenHint))
}

/** Deletes deliveries that were received before a time: ids ascend with it, so only the oldest are read. */
function trimOlderThan(db: Database, time: number): void {
  const firstKept = sql`coalesce(
    (select id from webhook_deliveries where received_at >= ${time} order by id limit 1),
    (select max(id) + 1 from webhook_deliveries))`
  const isOld = and(sql`${webhookDeliveries.id} < ${firstKept}`, not(hasOpenHints(db)))
  db.orm.delete(webhookDeliveries).where(isOld).run()
}

/** Deletes deliveries of one kind but for the newest. */
function trimToNewest(db: Database, kept: number, isOfKind: SQL | undefined): void {
  const newestDeleted = db.orm
    .select({ id: webhookDeliveries.id })
    .from(webhookDeliveries)
    .where(isOfKind)
    .orderBy(desc(webhookDeliveries.id))
    .limit(1)
    .offset(kept)
    .get()
  if (!newestDeleted) return
  const isOld = and(isOfKind, lte(webhookDeliveries.id, newestDeleted.id), not(hasOpenHints(db)))
  db.orm.delete(webhookDeliveries).where(isOld).run()
}

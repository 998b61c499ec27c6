import { and, desc, eq, exists, isNotNull, isNull, lte, not, notExists, or, sql } from 'drizzle-orm'
import type { Database } from '../db/open.ts'
import { webhookDeliveries, webhookHints, webhooks, webhookTargets } from '../db/tables/webhook.ts'
import type { Transaction } from '../db/transact.ts'
import type { Digest } from '../oci/digest.ts'
import { createDeliveryHistory, type DeliveryHistory, type LoggedDelivery } from './delivery-history.ts'
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

/** Deliveries to webhooks, with their sources and outcomes: never a body, a header or a secret. */
export interface DeliveryLog extends DeliveryHistory {
  /** Stores the delivery with its hints, unless it is a duplicate; then it writes nothing. */
  accept(tx: Transaction, entry: DeliveryEntry, hints: readonly ScopedHint[]): 'ACCEPTED' | 'DUPLICATE'
  /** Counts a delivery without new hints for its webhook, and stores it if `isLogged`. */
  note(
    tx: Transaction,
    entry: DeliveryEntry,
    result: {
      readonly outcome: Exclude<DeliveryOutcome, 'ACCEPTED'>
      readonly reason: string
      readonly isLogged: boolean
    },
  ): void
  /** Deletes old deliveries, and the oldest of webhooks that have too many, unless their hints are still open. */
  trim(tx: Transaction): void
}

/** Accepted deliveries that are kept of one webhook. */
export const KEPT_ACCEPTED = 1000
/** Other deliveries that are kept of one webhook. */
export const KEPT_OTHERS = 500
/** Milliseconds for which deliveries are kept. */
export const KEPT_FOR = 30 * 24 * 3_600_000
/** Milliseconds after an authenticated delivery during which a refused one does not make the webhook FAILING. */
const TRUSTED_FOR = 3_600_000

export interface DeliveryLogDependencies {
  readonly db: Database
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export function createDeliveryLog({ db, now }: DeliveryLogDependencies): DeliveryLog {
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
    orm
      .update(webhooks)
      .set({
        refused: sql`${webhooks.refused} + 1`,
        refusedAt: now(),
        trouble: sql`case when ${isUntrusted} then ${reason} else ${webhooks.trouble} end`,
      })
      .where(eq(webhooks.id, webhookId))
      .run()
  }

  return {
    ...createDeliveryHistory(db),

    accept(_tx, entry, hints) {
      const { webhookId, isTest } = entry
      if (!isTest && isDuplicate(entry)) return 'DUPLICATE'
      const deliveryId = insert(entry, 'ACCEPTED', null)
      const receivedAt = now()
      const rows = hints.map((hint) => ({ ...hint, deliveryId, webhookId, receivedAt }))
      if (rows.length > 0) orm.insert(webhookHints).values(rows).run()
      if (!isTest) countAccepted(webhookId, null)
      return 'ACCEPTED'
    },

    note(_tx, entry, { outcome, reason, isLogged }) {
      if (isLogged) insert(entry, outcome, reason)
      if (entry.isTest) return
      if (outcome === 'REFUSED') countRefused(entry.webhookId, reason)
      else countAccepted(entry.webhookId, outcome === 'FAILED' ? reason : null)
    },

    trim() {
      trimOlderThan(db, now() - KEPT_FOR)
      for (const webhookId of grown) {
        trimToNewest(db, { webhookId, isAccepted: true, kept: KEPT_ACCEPTED })
        trimToNewest(db, { webhookId, isAccepted: false, kept: KEPT_OTHERS })
      }
      grown.clear()
    },
  }
}

/** Targets of the hint of the outer query, open or done. */
const targetsOfHint = ({ orm }: Database, isOpen: boolean) =>
  orm
    .select({ id: webhookTargets.id })
    .from(webhookTargets)
    .where(
      and(
        eq(webhookTargets.hintId, webhookHints.id),
        // a literal, so that the index of open targets is used
        isOpen ? sql`${webhookTargets.state} = 'OPEN'` : sql`${webhookTargets.state} <> 'OPEN'`,
      ),
    )

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
  const startedHints = orm
    .select({ id: webhookHints.id })
    .from(webhookHints)
    .where(
      and(
        eq(webhookHints.deliveryId, webhookDeliveries.id),
        isNotNull(webhookHints.handledAt),
        or(exists(targetsOfHint(db, false)), notExists(targetsOfHint(db, true))),
      ),
    )
  const byBody = orm
    .select({ id: webhookDeliveries.id })
    .from(webhookDeliveries)
    .where(
      and(accepted, eq(webhookDeliveries.bodyDigest, sql.placeholder('bodyDigest')), notExists(startedHints)),
    )
    .limit(1)
    .prepare()

  return ({ webhookId, senderId, bodyDigest }: DeliveryEntry): boolean =>
    (senderId === null ? byBody.get({ webhookId, bodyDigest }) : bySenderId.get({ webhookId, senderId })) !==
    undefined
}

/** Condition of deliveries of which a hint still has to be processed. */
const hasOpenHints = (db: Database) =>
  exists(
    db.orm
      .select({ id: webhookHints.id })
      .from(webhookHints)
      .where(
        and(
          eq(webhookHints.deliveryId, webhookDeliveries.id),
          or(isNull(webhookHints.handledAt), exists(targetsOfHint(db, true))),
        ),
      ),
  )

/** Deletes deliveries that were received before a time: ids ascend with it, so only the oldest are read. */
function trimOlderThan(db: Database, time: number): void {
  const firstKept = sql`coalesce(
    (select id from webhook_deliveries where received_at >= ${time} order by id limit 1),
    (select max(id) + 1 from webhook_deliveries))`
  db.orm
    .delete(webhookDeliveries)
    .where(and(sql`${webhookDeliveries.id} < ${firstKept}`, not(hasOpenHints(db))))
    .run()
}

/** Deletes the webhook's deliveries of one kind but for the newest. */
function trimToNewest(
  db: Database,
  {
    webhookId,
    isAccepted,
    kept,
  }: { readonly webhookId: number; readonly isAccepted: boolean; readonly kept: number },
): void {
  const isOfKind = and(
    eq(webhookDeliveries.webhookId, webhookId),
    isAccepted ? eq(webhookDeliveries.outcome, 'ACCEPTED') : sql`${webhookDeliveries.outcome} <> 'ACCEPTED'`,
  )
  const newestDeleted = db.orm
    .select({ id: webhookDeliveries.id })
    .from(webhookDeliveries)
    .where(isOfKind)
    .orderBy(desc(webhookDeliveries.id))
    .limit(1)
    .offset(kept)
    .get()
  if (!newestDeleted) return
  db.orm
    .delete(webhookDeliveries)
    .where(and(isOfKind, lte(webhookDeliveries.id, newestDeleted.id), not(hasOpenHints(db))))
    .run()
}

import { and, eq, exists, isNotNull, notExists, or, sql } from 'drizzle-orm'
import type { Database } from '../db/open.ts'
import { receiverDeliveries, receiverHints, receiverTargets } from '../db/tables/receiver.ts'
import type { LoggedDelivery } from './delivery-history.ts'

/** Returns the targets of the hint of the outer query, open or done. */
export function targetsOfHint({ orm }: Database, isOpen: boolean) {
  // a literal, so that the index of open targets is used
  const isInState = isOpen ? sql`${receiverTargets.state} = 'OPEN'` : sql`${receiverTargets.state} <> 'OPEN'`
  const isOfHint = and(eq(receiverTargets.hintId, receiverHints.id), isInState)
  return orm.select({ id: receiverTargets.id }).from(receiverTargets).where(isOfHint)
}

/**
 * Returns a function that reports whether a delivery repeats an earlier one. A delivery with an id repeats that with the
 * same id. One without repeats that with the same body, but only until the registry was requested for the first: after
 * that, the same body may be about another push.
 */
export function createDuplicateCheck(db: Database) {
  const { orm } = db
  const accepted = and(
    eq(receiverDeliveries.receiverId, sql.placeholder('receiverId')),
    eq(receiverDeliveries.outcome, 'ACCEPTED'),
    eq(receiverDeliveries.isTest, 0),
  )
  const bySenderId = orm
    .select({ id: receiverDeliveries.id })
    .from(receiverDeliveries)
    .where(and(accepted, eq(receiverDeliveries.senderDeliveryId, sql.placeholder('senderDeliveryId'))))
    .limit(1)
    .prepare()
  // also of a hint whose targets were all settled or had none; not of one that waits for a retry
  const isStarted = and(
    eq(receiverHints.deliveryId, receiverDeliveries.id),
    isNotNull(receiverHints.handledAt),
    or(exists(targetsOfHint(db, false)), notExists(targetsOfHint(db, true))),
  )
  const startedHints = orm.select({ id: receiverHints.id }).from(receiverHints).where(isStarted)
  const hasBody = eq(receiverDeliveries.bodyDigest, sql.placeholder('bodyDigest'))
  const byBody = orm
    .select({ id: receiverDeliveries.id })
    .from(receiverDeliveries)
    .where(and(accepted, hasBody, notExists(startedHints)))
    .limit(1)
    .prepare()

  return ({
    receiverId,
    senderDeliveryId,
    bodyDigest,
  }: Pick<LoggedDelivery, 'receiverId' | 'senderDeliveryId' | 'bodyDigest'>): boolean =>
    (senderDeliveryId === null
      ? byBody.get({ receiverId, bodyDigest })
      : bySenderId.get({ receiverId, senderDeliveryId })) !== undefined
}

import { eq, inArray, type SQL } from 'drizzle-orm'
import type { Database } from '../db/open.ts'
import { countByOwner, pageOfOwners } from '../db/owned-page.ts'
import { receiverDeliveries, receiverHints, receiverTargets } from '../db/tables/receiver.ts'
import type { KeysetPage } from '../input/page.ts'

/** A request to a receiver and its outcome. Times are milliseconds since 1970. */
export type LoggedDelivery = typeof receiverDeliveries.$inferSelect

/** A change that a delivery reported. */
export type LoggedHint = typeof receiverHints.$inferSelect

/** A tag of a stream that a hint concerns. */
export type LoggedTarget = typeof receiverTargets.$inferSelect

/** The readers of the log of deliveries. */
export type DeliveryHistory = ReturnType<typeof createDeliveryHistory>

/** Creates the readers of the log of deliveries. The keys of all pages are [id]. */
export function createDeliveryHistory({ orm }: Database) {
  const { id: deliveryId, receiverId, outcome } = receiverDeliveries
  const isOutcome = (wanted: LoggedDelivery['outcome'] | null | undefined): SQL | undefined =>
    wanted ? eq(outcome, wanted) : undefined

  return {
    deliveriesByIds: (ids: readonly number[]): Map<number, LoggedDelivery> =>
      byId(
        orm
          .select()
          .from(receiverDeliveries)
          .where(inArray(deliveryId, [...ids]))
          .all(),
      ),
    hintsByIds: (ids: readonly number[]): Map<number, LoggedHint> =>
      byId(
        orm
          .select()
          .from(receiverHints)
          .where(inArray(receiverHints.id, [...ids]))
          .all(),
      ),
    targetsByIds: (ids: readonly number[]): Map<number, LoggedTarget> =>
      byId(
        orm
          .select()
          .from(receiverTargets)
          .where(inArray(receiverTargets.id, [...ids]))
          .all(),
      ),

    /** Returns a page of each receiver's deliveries, those with the outcome if it is given, newest first. */
    ofReceivers(ids: readonly number[], page: KeysetPage, wanted?: LoggedDelivery['outcome'] | null) {
      const { isOfEach, orderBy, inOrder } = pageOfOwners(receiverId, deliveryId, {
        ids,
        page,
        where: isOutcome(wanted),
        descending: true,
      })
      return inOrder(
        orm
          .select()
          .from(receiverDeliveries)
          .where(isOfEach)
          .orderBy(...orderBy)
          .all(),
      )
    },
    countOf: (ids: readonly number[], wanted?: LoggedDelivery['outcome'] | null): Map<number, number> =>
      countByOwner(orm, receiverId, ids, isOutcome(wanted)),

    /** Returns a page of each delivery's hints, in the order of the delivery. */
    hintsOf(ids: readonly number[], page: KeysetPage): LoggedHint[] {
      const owned = pageOfOwners(receiverHints.deliveryId, receiverHints.id, { ids, page })
      const rows = orm.select().from(receiverHints).where(owned.isOfEach)
      return owned.inOrder(rows.orderBy(...owned.orderBy).all())
    },
    countHints: (ids: readonly number[]): Map<number, number> =>
      countByOwner(orm, receiverHints.deliveryId, ids),

    /** Returns a page of each hint's targets: a thousand streams may follow one repository. */
    targetsOf(ids: readonly number[], page: KeysetPage): LoggedTarget[] {
      const owned = pageOfOwners(receiverTargets.hintId, receiverTargets.id, { ids, page })
      const rows = orm.select().from(receiverTargets).where(owned.isOfEach)
      return owned.inOrder(rows.orderBy(...owned.orderBy).all())
    },
    countTargets: (ids: readonly number[]): Map<number, number> =>
      countByOwner(orm, receiverTargets.hintId, ids),

    /** Returns a page of each receiver's targets in a state, newest first. */
    targetsInState(ids: readonly number[], page: KeysetPage, state: LoggedTarget['state']): LoggedTarget[] {
      const owned = pageOfOwners(receiverTargets.receiverId, receiverTargets.id, {
        ids,
        page,
        where: eq(receiverTargets.state, state),
        descending: true,
      })
      const rows = orm.select().from(receiverTargets).where(owned.isOfEach)
      return owned.inOrder(rows.orderBy(...owned.orderBy).all())
    },
    countInState: (ids: readonly number[], state: LoggedTarget['state']): Map<number, number> =>
      countByOwner(orm, receiverTargets.receiverId, ids, eq(receiverTargets.state, state)),
  }
}

const byId = <Row extends { readonly id: number }>(rows: readonly Row[]): Map<number, Row> =>
  new Map(rows.map((row) => [row.id, row]))

import { and, asc, count, eq, inArray, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../db/open.ts'
import { pageBy } from '../db/page.ts'
import { receiverDeliveries, receiverHints, receiverTargets } from '../db/tables/receiver.ts'
import type { KeysetPage } from '../input/page.ts'

/** A request to a receiver and its outcome. Times are milliseconds since 1970. */
export type LoggedDelivery = typeof receiverDeliveries.$inferSelect

/** A change that a delivery reported. */
export type LoggedHint = typeof receiverHints.$inferSelect

/** A tag of a stream that a hint concerns. */
export type LoggedTarget = typeof receiverTargets.$inferSelect

/** Creates the readers of the log of deliveries. */
export function createDeliveryHistory({ orm }: Database) {
  const ofReceiver = (receiverId: number, page: KeysetPage): LoggedDelivery[] => {
    const { where, orderBy, limit, inOrder } = pageBy([receiverDeliveries.id], page, true)
    const isOfPage = and(eq(receiverDeliveries.receiverId, receiverId), where)
    return inOrder(
      orm
        .select()
        .from(receiverDeliveries)
        .where(isOfPage)
        .orderBy(...orderBy)
        .limit(limit)
        .all(),
    )
  }

  return {
    /** Returns a page of each receiver's deliveries, newest first; its keys are [id]. */
    ofReceivers: (receiverIds: readonly number[], page: KeysetPage): LoggedDelivery[] =>
      receiverIds.flatMap((id) => ofReceiver(id, page)),

    /** Returns the number of deliveries to each receiver. */
    countOf: (receiverIds: readonly number[]): Map<number, number> =>
      new Map(
        orm
          .select({ receiverId: receiverDeliveries.receiverId, total: count() })
          .from(receiverDeliveries)
          .where(inArray(receiverDeliveries.receiverId, [...receiverIds]))
          .groupBy(receiverDeliveries.receiverId)
          .all()
          .map(({ receiverId, total }) => [receiverId, total]),
      ),

    /** Returns at most `first` hints of each delivery. */
    hintsOf(deliveryIds: readonly number[], first: number): LoggedHint[] {
      const { id } = receiverHints
      const ofOne = sql`select id from ${receiverHints} where delivery_id = owner.value order by id limit ${first}`
      const isOfEach = sql`${id} in ${idsOfEach(deliveryIds, receiverHints, ofOne)}`
      return orm.select().from(receiverHints).where(isOfEach).orderBy(asc(id)).all()
    },

    /** Returns at most `first` targets of each hint: a thousand streams may follow one repository. */
    targetsOf(hintIds: readonly number[], first: number): LoggedTarget[] {
      const { id } = receiverTargets
      const ofOne = sql`select id from ${receiverTargets} where hint_id = owner.value order by id limit ${first}`
      const isOfEach = sql`${id} in ${idsOfEach(hintIds, receiverTargets, ofOne)}`
      return orm.select().from(receiverTargets).where(isOfEach).orderBy(asc(id)).all()
    },
  }
}

/** Returns a subquery of the ids that `ofOne` selects for each `owner.value`. */
const idsOfEach = (
  owners: readonly number[],
  table: typeof receiverHints | typeof receiverTargets,
  ofOne: SQL,
): SQL =>
  sql`(select each.id from json_each(${JSON.stringify(owners)}) owner join ${table} each on each.id in (${ofOne}))`

import { and, asc, count, eq, inArray, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../db/open.ts'
import { pageBy } from '../db/page.ts'
import { webhookDeliveries, webhookHints, webhookTargets } from '../db/tables/webhook.ts'
import type { KeysetPage } from '../input/page.ts'

/** A request to a webhook and its outcome. Times are milliseconds since 1970. */
export type LoggedDelivery = typeof webhookDeliveries.$inferSelect

/** A change that a delivery reported. */
export type LoggedHint = typeof webhookHints.$inferSelect

/** A tag of a stream that a hint concerns. */
export type LoggedTarget = typeof webhookTargets.$inferSelect

/** Creates the readers of the log of deliveries. */
export function createDeliveryHistory({ orm }: Database) {
  const ofWebhook = (webhookId: number, page: KeysetPage): LoggedDelivery[] => {
    const { where, orderBy, limit, inOrder } = pageBy([webhookDeliveries.id], page, true)
    const isOfPage = and(eq(webhookDeliveries.webhookId, webhookId), where)
    return inOrder(
      orm
        .select()
        .from(webhookDeliveries)
        .where(isOfPage)
        .orderBy(...orderBy)
        .limit(limit)
        .all(),
    )
  }

  return {
    /** Returns a page of each webhook's deliveries, newest first; its keys are [id]. */
    ofWebhooks: (webhookIds: readonly number[], page: KeysetPage): LoggedDelivery[] =>
      webhookIds.flatMap((id) => ofWebhook(id, page)),

    /** Returns the number of deliveries to each webhook. */
    countOf: (webhookIds: readonly number[]): Map<number, number> =>
      new Map(
        orm
          .select({ webhookId: webhookDeliveries.webhookId, total: count() })
          .from(webhookDeliveries)
          .where(inArray(webhookDeliveries.webhookId, [...webhookIds]))
          .groupBy(webhookDeliveries.webhookId)
          .all()
          .map(({ webhookId, total }) => [webhookId, total]),
      ),

    /** Returns at most `first` hints of each delivery. */
    hintsOf(deliveryIds: readonly number[], first: number): LoggedHint[] {
      const { id } = webhookHints
      const ofOne = sql`select id from ${webhookHints} where delivery_id = owner.value order by id limit ${first}`
      const isOfEach = sql`${id} in ${idsOfEach(deliveryIds, webhookHints, ofOne)}`
      return orm.select().from(webhookHints).where(isOfEach).orderBy(asc(id)).all()
    },

    /** Returns at most `first` targets of each hint: a thousand streams may follow one repository. */
    targetsOf(hintIds: readonly number[], first: number): LoggedTarget[] {
      const { id } = webhookTargets
      const ofOne = sql`select id from ${webhookTargets} where hint_id = owner.value order by id limit ${first}`
      const isOfEach = sql`${id} in ${idsOfEach(hintIds, webhookTargets, ofOne)}`
      return orm.select().from(webhookTargets).where(isOfEach).orderBy(asc(id)).all()
    },
  }
}

/** Returns a subquery of the ids that `ofOne` selects for each `owner.value`. */
const idsOfEach = (
  owners: readonly number[],
  table: typeof webhookHints | typeof webhookTargets,
  ofOne: SQL,
): SQL =>
  sql`(select each.id from json_each(${JSON.stringify(owners)}) owner join ${table} each on each.id in (${ofOne}))`

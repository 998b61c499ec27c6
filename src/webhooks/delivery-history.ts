import { and, asc, count, eq, inArray, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../db/open.ts'
import { pageBy } from '../db/page.ts'
import { webhookDeliveries, webhookHints, webhookTargets } from '../db/tables/webhook.ts'
import type { KeysetPage } from '../input/page.ts'

/** A request to a webhook and its outcome. Times are milliseconds since 1970. */
export type LoggedDelivery = typeof webhookDeliveries.$inferSelect

/** A change that a delivery reported. */
export type LoggedHint = Omit<typeof webhookHints.$inferSelect, 'webhookId' | 'receivedAt'>

/** A tag of a stream that a hint concerns. */
export type LoggedTarget = Omit<typeof webhookTargets.$inferSelect, 'id'>

/** The log of deliveries, to be read. */
export interface DeliveryHistory {
  /** Returns a page of each webhook's deliveries, newest first; its keys are [id]. */
  ofWebhooks(webhookIds: readonly number[], page: KeysetPage): LoggedDelivery[]
  countOf(webhookIds: readonly number[]): Map<number, number>
  /** Returns at most `first` hints of each delivery. */
  hintsOf(deliveryIds: readonly number[], first: number): LoggedHint[]
  /** Returns at most `first` targets of each hint: a thousand streams may follow one repository. */
  targetsOf(hintIds: readonly number[], first: number): LoggedTarget[]
}

export function createDeliveryHistory({ orm }: Database): DeliveryHistory {
  const ofWebhook = (webhookId: number, page: KeysetPage): LoggedDelivery[] => {
    const { where, orderBy, limit, inOrder } = pageBy([webhookDeliveries.id], page, true)
    return inOrder(
      orm
        .select()
        .from(webhookDeliveries)
        .where(and(eq(webhookDeliveries.webhookId, webhookId), where))
        .orderBy(...orderBy)
        .limit(limit)
        .all(),
    )
  }

  return {
    ofWebhooks: (webhookIds, page) => webhookIds.flatMap((id) => ofWebhook(id, page)),
    countOf: (webhookIds) =>
      new Map(
        orm
          .select({ webhookId: webhookDeliveries.webhookId, total: count() })
          .from(webhookDeliveries)
          .where(inArray(webhookDeliveries.webhookId, [...webhookIds]))
          .groupBy(webhookDeliveries.webhookId)
          .all()
          .map(({ webhookId, total }) => [webhookId, total]),
      ),
    hintsOf(deliveryIds, first) {
      const { id, deliveryId, registry, repository, tag, digest, action, handledAt } = webhookHints
      const ofOne = sql`select id from webhook_hints where delivery_id = owner.value order by id limit ${first}`
      return orm
        .select({ id, deliveryId, registry, repository, tag, digest, action, handledAt })
        .from(webhookHints)
        .where(sql`${id} in ${ofEach(webhookHints, ofOne, deliveryIds)}`)
        .orderBy(asc(id))
        .all()
    },
    targetsOf(hintIds, first) {
      const { id, hintId, streamId, tag, isSpecTag, state, importId, retries, retryAt } = webhookTargets
      const ofOne = sql`select id from webhook_targets where hint_id = owner.value order by id limit ${first}`
      return orm
        .select({ hintId, streamId, tag, isSpecTag, state, importId, retries, retryAt })
        .from(webhookTargets)
        .where(sql`${id} in ${ofEach(webhookTargets, ofOne, hintIds)}`)
        .orderBy(asc(id))
        .all()
    },
  }
}

/** Subquery of the ids that `ofOne` selects for each `owner.value`. */
const ofEach = (
  table: typeof webhookHints | typeof webhookTargets,
  ofOne: SQL,
  owners: readonly number[],
): SQL =>
  sql`(select each.id from json_each(${JSON.stringify(owners)}) owner join ${table} each on each.id in (${ofOne}))`

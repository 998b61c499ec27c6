import { and, asc, desc, eq, getTableColumns, isNotNull, lte, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { placeholdersOf } from '../../db/placeholders.ts'
import {
  triggerAttempts as attempts,
  triggerDeliveries as deliveries,
  triggerTargets,
} from '../../db/tables/index.ts'

const { request: _request, ...deliveryColumns } = getTableColumns(deliveries)
const { response: _response, ...attemptColumns } = getTableColumns(attempts)

/** The columns of deliveries and attempts that lists read: `createDeliveryTexts` reads the long texts. */
export const DELIVERY_COLUMNS = deliveryColumns
export const ATTEMPT_COLUMNS = attemptColumns

const given = (name: string): SQL => sql`${sql.placeholder(name)}`

/** Prepares what each pass and each attempt reads and writes: building the SQL would take longer than running it. */
export function prepareDeliveryStatements({ orm }: Pick<Database, 'orm'>) {
  const { id: _, request, message, link, followUrl, followAt, ...begun } = placeholdersOf(deliveries)
  const { id: __, ...attempt } = placeholdersOf(attempts)
  const { triggerId, tagId, eventId, byHand } = deliveries
  const isOfTrigger = eq(triggerId, given('triggerId'))
  const isNewestOfTarget = sql`exists (select 1 from ${triggerTargets} t where t.trigger_id = ${given('triggerId')}
    and t.tag_id = ${tagId} and t.last_delivery_id = ${deliveries.id})`
  const isOfDelivery = eq(attempts.deliveryId, given('deliveryId'))

  return {
    /** Inserts a delivery whose attempt begins, or begins another attempt of it. */
    begin: orm
      .insert(deliveries)
      .values(begun)
      .onConflictDoUpdate({
        target: [triggerId, tagId, eventId, byHand],
        set: { state: sql`excluded.state`, endedAt: sql`excluded.ended_at` },
      })
      .returning({ id: deliveries.id })
      .prepare(),

    /** The newest delivery of a trigger that is not among the `kept` newest. */
    oldDelivery: orm
      .select({ id: deliveries.id })
      .from(deliveries)
      .where(isOfTrigger)
      .orderBy(desc(deliveries.id))
      .limit(1)
      .offset(sql.placeholder('kept'))
      .prepare(),

    /** Deletes the deliveries of a trigger up to one of them, without those that are the newest of a target. */
    deleteDeliveries: orm
      .delete(deliveries)
      .where(and(isOfTrigger, lte(deliveries.id, given('id')), sql`not ${isNewestOfTarget}`))
      .prepare(),

    end: orm
      .update(deliveries)
      .set({
        ...{ state: given('state'), request: given('request'), message: given('message') },
        ...{ link: given('link'), followUrl: given('followUrl'), followAt: given('followAt') },
        attempts: sql`${deliveries.attempts} + 1`,
        endedAt: given('endedAt'),
      })
      .where(eq(deliveries.id, given('id')))
      .prepare(),

    supersede: orm
      .update(deliveries)
      .set({ state: 'SUPERSEDED', endedAt: given('endedAt'), message: given('message') })
      .where(and(isOfTrigger, eq(tagId, given('tagId')), sql`${deliveries.state} in ('RUNNING', 'RETRYING')`))
      .prepare(),

    addAttempt: orm.insert(attempts).values(attempt).prepare(),

    /** The newest attempt of a delivery that is not among the `kept` newest. */
    oldAttempt: orm
      .select({ id: attempts.id })
      .from(attempts)
      .where(isOfDelivery)
      .orderBy(desc(attempts.id))
      .limit(1)
      .offset(sql.placeholder('kept'))
      .prepare(),

    deleteAttempts: orm
      .delete(attempts)
      .where(and(isOfDelivery, lte(attempts.id, given('id'))))
      .prepare(),

    /** Deliveries whose link is to be asked for, and when the first of them is. */
    toFollow: orm
      .select(DELIVERY_COLUMNS)
      .from(deliveries)
      .where(lte(deliveries.followAt, given('now')))
      .orderBy(asc(deliveries.followAt))
      .limit(sql.placeholder('limit'))
      .prepare(),
    nextFollow: orm
      .select({ at: deliveries.followAt })
      .from(deliveries)
      .where(isNotNull(deliveries.followAt))
      .orderBy(asc(deliveries.followAt))
      .limit(1)
      .prepare(),
  }
}

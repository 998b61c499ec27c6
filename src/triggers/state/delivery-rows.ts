import { and, asc, desc, eq, lte, type SQL, sql } from 'drizzle-orm'
import { isOneOf } from '../../db/one-of.ts'
import type { Database } from '../../db/open.ts'
import {
  triggerAttempts as attempts,
  triggerDeliveries as deliveries,
  triggerTargets,
} from '../../db/tables/index.ts'
import type { TargetKey } from './target-rows.ts'

/** What was sent for a move of a tag, once or several times. */
export type TriggerDelivery = typeof deliveries.$inferSelect
/** One attempt of a delivery. */
export type DeliveryAttempt = typeof attempts.$inferSelect

type NewDelivery = Pick<
  TriggerDelivery,
  'triggerId' | 'tagId' | 'imageStreamName' | 'tag' | 'eventId' | 'digest' | 'byHand' | 'webhookId'
>
/** How an attempt changed its delivery. */
type Ended = Pick<TriggerDelivery, 'state' | 'request' | 'message' | 'link' | 'followUrl'> &
  Pick<DeliveryAttempt, 'at' | 'milliseconds' | 'status' | 'response'>

/** Deliveries of a trigger that are kept, besides the newest one of each of its targets. */
const KEPT = 200
/** Attempts of a delivery that are kept. */
const KEPT_ATTEMPTS = 20
/** Milliseconds between two questions for the address of the work that a delivery began, and how often it is asked. */
const FOLLOW = { interval: 5_000, most: 60 }

/** The access to stored deliveries. */
export type DeliveryRows = ReturnType<typeof createDeliveryRows>

/** Creates the access to stored deliveries, of which the oldest of each trigger are deleted as new ones come. */
export function createDeliveryRows({ orm }: Pick<Database, 'orm'>, now: () => number) {
  const select = (where: SQL | undefined): TriggerDelivery[] =>
    orm.select().from(deliveries).where(where).orderBy(asc(deliveries.id)).all()

  const trim = (triggerId: number): void => {
    const isOfTrigger = eq(deliveries.triggerId, triggerId)
    const oldest = orm
      .select({ id: deliveries.id })
      .from(deliveries)
      .where(isOfTrigger)
      .orderBy(desc(deliveries.id))
      .limit(1)
      .offset(KEPT)
      .get()
    if (!oldest) return
    const isNewestOfTarget = sql`exists (select 1 from ${triggerTargets} t where t.trigger_id = ${triggerId}
      and t.tag_id = ${deliveries.tagId} and t.last_delivery_id = ${deliveries.id})`
    orm
      .delete(deliveries)
      .where(and(isOfTrigger, lte(deliveries.id, oldest.id), sql`not ${isNewestOfTarget}`))
      .run()
  }

  return {
    byIds: (ids: readonly number[]): Map<number, TriggerDelivery> =>
      new Map(select(isOneOf(deliveries.id, ids)).map((delivery) => [delivery.id, delivery])),

    /** Returns when the newest deliveries of a trigger began, at most `limit`, without that of one move of a tag. */
    newestOf: ({ triggerId, tagId }: TargetKey, eventId: number, limit: number): number[] =>
      orm
        .select({ startedAt: deliveries.startedAt })
        .from(deliveries)
        .where(
          and(eq(deliveries.triggerId, triggerId), sql`not (tag_id = ${tagId} and event_id = ${eventId})`),
        )
        .orderBy(desc(deliveries.id))
        .limit(limit)
        .all()
        .map(({ startedAt }) => startedAt),

    /** Notes that an attempt begins, the first one or another. Returns the number of the delivery's row. */
    begin(delivery: NewDelivery): number {
      const { triggerId, tagId, eventId, byHand } = deliveries
      const started = { state: 'RUNNING', endedAt: null } as const
      const { id } = orm
        .insert(deliveries)
        .values({ ...delivery, ...started, attempts: 0, startedAt: now(), followCount: 0 })
        .onConflictDoUpdate({ target: [triggerId, tagId, eventId, byHand], set: started })
        .returning({ id: deliveries.id })
        .get()
      trim(delivery.triggerId)
      return id
    },

    /** Notes how an attempt ended. */
    end(id: number, { at, milliseconds, status, response, ...ended }: Ended): void {
      const isOver = ended.state !== 'RETRYING'
      orm
        .update(deliveries)
        .set({
          ...ended,
          attempts: sql`${deliveries.attempts} + 1`,
          endedAt: isOver ? now() : null,
          followAt: ended.followUrl === null ? null : now() + FOLLOW.interval,
        })
        .where(eq(deliveries.id, id))
        .run()
      const { message } = ended
      orm.insert(attempts).values({ deliveryId: id, at, milliseconds, status, response, message }).run()
      const oldest = orm
        .select({ id: attempts.id })
        .from(attempts)
        .where(eq(attempts.deliveryId, id))
        .orderBy(desc(attempts.id))
        .limit(1)
        .offset(KEPT_ATTEMPTS)
        .get()
      if (!oldest) return
      orm
        .delete(attempts)
        .where(and(eq(attempts.deliveryId, id), lte(attempts.id, oldest.id)))
        .run()
    },

    /** Notes that a newer image takes the place of deliveries that wait for another attempt. */
    supersede({ triggerId, tagId }: TargetKey, message: string): void {
      orm
        .update(deliveries)
        .set({ state: 'SUPERSEDED', endedAt: now(), message })
        .where(
          and(
            eq(deliveries.triggerId, triggerId),
            eq(deliveries.tagId, tagId),
            isOneOf(deliveries.state, ['RUNNING', 'RETRYING']),
          ),
        )
        .run()
    },

    /** Returns deliveries whose link is to be asked for. */
    toFollow: (limit: number): TriggerDelivery[] =>
      orm
        .select()
        .from(deliveries)
        .where(lte(deliveries.followAt, now()))
        .orderBy(asc(deliveries.followAt))
        .limit(limit)
        .all(),

    /** Notes what was found when the link was asked for. */
    followed({ id, followCount }: TriggerDelivery, link: string | null, isFinal: boolean): void {
      const isOver = isFinal || followCount + 1 >= FOLLOW.most
      orm
        .update(deliveries)
        .set({
          link: link ?? sql`${deliveries.link}`,
          followCount: followCount + 1,
          followAt: isOver ? null : now() + FOLLOW.interval,
          ...(isOver && { followUrl: null }),
        })
        .where(eq(deliveries.id, id))
        .run()
    },

    /** Returns when the next link is asked for, in milliseconds since 1970. */
    nextFollowAt: (): number | undefined =>
      orm
        .select({ at: deliveries.followAt })
        .from(deliveries)
        .where(sql`follow_at is not null`)
        .orderBy(asc(deliveries.followAt))
        .limit(1)
        .get()?.at ?? undefined,
  }
}

import { and, asc, desc, eq, type SQL, sql } from 'drizzle-orm'
import { isOneOf } from '../../db/one-of.ts'
import type { Database } from '../../db/open.ts'
import { type triggerAttempts as attempts, triggerDeliveries as deliveries } from '../../db/tables/index.ts'
import { DELIVERY_COLUMNS, prepareDeliveryStatements } from './delivery-statements.ts'
import type { TargetKey } from './target.ts'

/** What was sent for a move of a tag, once or several times. */
export type TriggerDelivery = Omit<typeof deliveries.$inferSelect, 'request'>
/** One attempt of a delivery. */
export type DeliveryAttempt = Omit<typeof attempts.$inferSelect, 'response'>

type NewDelivery = Pick<
  TriggerDelivery,
  | 'triggerId'
  | 'tagId'
  | 'imageStreamName'
  | 'tag'
  | 'eventId'
  | 'digest'
  | 'byHand'
  | 'webhookId'
  | 'causedBy'
>
/** How an attempt changed its delivery. */
type Ended = Pick<typeof deliveries.$inferSelect, 'state' | 'request' | 'message' | 'link' | 'followUrl'> &
  Pick<typeof attempts.$inferSelect, 'at' | 'milliseconds' | 'status' | 'response'>

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
  const statements = prepareDeliveryStatements({ orm })
  const select = (where: SQL | undefined): TriggerDelivery[] =>
    orm.select(DELIVERY_COLUMNS).from(deliveries).where(where).orderBy(asc(deliveries.id)).all()

  const trim = (triggerId: number): void => {
    const oldest = statements.oldDelivery.get({ triggerId, kept: KEPT })
    if (oldest) statements.deleteDeliveries.run({ triggerId, id: oldest.id })
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
      const started = { state: 'RUNNING', endedAt: null, attempts: 0, startedAt: now(), followCount: 0 }
      const { id } = statements.begin.get({ ...delivery, ...started })
      trim(delivery.triggerId)
      return id
    },

    /** Notes how an attempt ended. */
    end(id: number, { at, milliseconds, status, response, ...ended }: Ended): void {
      const isOver = ended.state !== 'RETRYING'
      statements.end.run({
        ...{ ...ended, id },
        endedAt: isOver ? now() : null,
        followAt: ended.followUrl === null ? null : now() + FOLLOW.interval,
      })
      const { message } = ended
      statements.addAttempt.run({ deliveryId: id, at, milliseconds, status, response, message })
      const oldest = statements.oldAttempt.get({ deliveryId: id, kept: KEPT_ATTEMPTS })
      if (oldest) statements.deleteAttempts.run({ deliveryId: id, id: oldest.id })
    },

    /** Notes that a newer image takes the place of deliveries that wait for another attempt. */
    supersede({ triggerId, tagId }: TargetKey, message: string): void {
      statements.supersede.run({ triggerId, tagId, endedAt: now(), message })
    },

    /** Notes that nothing more is attempted for some tags. */
    supersedeAll(triggerId: number, tagIds: readonly number[], message: string): void {
      orm
        .update(deliveries)
        .set({ state: 'SUPERSEDED', endedAt: now(), message })
        .where(
          and(
            eq(deliveries.triggerId, triggerId),
            isOneOf(deliveries.tagId, tagIds),
            isOneOf(deliveries.state, ['RUNNING', 'RETRYING']),
          ),
        )
        .run()
    },

    /** Returns deliveries whose link is to be asked for. */
    toFollow: (limit: number): TriggerDelivery[] => statements.toFollow.all({ now: now(), limit }),

    /** Notes that there was no place for a request for their links. */
    postpone(ids: readonly number[]): void {
      orm
        .update(deliveries)
        .set({ followAt: now() + FOLLOW.interval })
        .where(isOneOf(deliveries.id, ids))
        .run()
    },

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
    nextFollowAt: (): number | undefined => statements.nextFollow.get()?.at ?? undefined,
  }
}

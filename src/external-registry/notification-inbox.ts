import { and, asc, eq, gt, inArray, isNotNull, isNull, lt, notLike, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../db/open.ts'
import { registryNotifications as notifications } from '../db/tables/index.ts'
import type { Transaction } from '../db/transact.ts'
import type { Digest } from '../oci/digest.ts'
import type { RegistryEvent } from '../oci/distribution-events.ts'
import type { TagName } from '../oci/tag.ts'

/** An event of the external registry; ids ascend in the order of arrival. */
export interface Notification extends RegistryEvent {
  readonly id: number
}

/** State of a tag that was read from the registry without a notification. */
export interface TagObservation {
  readonly repository: string
  readonly tag: TagName
  /** Null for a tag that does not exist. */
  readonly digest: Digest | null
  /** When the request was sent; milliseconds since 1970. */
  readonly at: number
}

/** Milliseconds for which handled notifications are kept, to detect repetitions. */
export const KEPT_NOTIFICATIONS = 7 * 24 * 3_600_000
/** Rows that one transaction deletes. */
const MAX_DELETED = 1000
/** Prefix of the ids of observations; ids of events have no spaces. */
const OBSERVATION = 'saw '

/** Notifications from their arrival until they are handled; handled ones are kept for a while to detect repetitions. */
export type NotificationInbox = ReturnType<typeof createNotificationInbox>

/** Creates the inbox. `now` returns milliseconds since 1970. */
export function createNotificationInbox({ db, now }: { readonly db: Database; readonly now: () => number }) {
  const { orm } = db
  const { id, eventId, action, repository, tag, digest, occurredAt, handledAt } = notifications
  const given = sql.placeholder
  // prepared: these run for each notification
  const inserted = orm
    .insert(notifications)
    .values({
      eventId: given('eventId'),
      action: given('action'),
      repository: given('repository'),
      tag: given('tag'),
      digest: given('digest'),
      occurredAt: given('occurredAt'),
      receivedAt: given('receivedAt'),
      handledAt: given('handledAt'),
    })
    .onConflictDoNothing({ target: eventId })
    .prepare()
  const handled = orm
    .update(notifications)
    .set({ handledAt: sql`${given('at')}` })
    .where(eq(id, given('id')))
    .prepare()
  const isOfTag = and(eq(repository, given('repository')), eq(tag, given('tag')))
  const later = (...conditions: readonly SQL[]) =>
    orm
      .select({ id })
      .from(notifications)
      .where(and(isOfTag, gt(occurredAt, given('occurredAt')), ...conditions))
      .limit(1)
      .prepare()
  const laterHandled = later(isNotNull(handledAt))
  const laterPush = later(eq(action, 'push'), notLike(eventId, `${OBSERVATION}%`))
  /** Returns the number of inserted rows: 0 if the event is already there. */
  const insert = (event: RegistryEvent, handledAt: number | null): number =>
    inserted.run({ ...event, receivedAt: now(), handledAt }).changes

  return {
    /** Stores the events with new ids, all or none. Resolves to their number when they are on disk. */
    async receive(events: readonly RegistryEvent[]): Promise<number> {
      if (events.length === 0) return 0
      return db.transactTogether(() => {
        let received = 0
        for (const event of events) received += insert(event, null)
        return received
      })
    },

    /** Returns notifications that are not handled, with higher ids than `after`, in order of arrival. */
    open: (limit: number, after = 0): Notification[] =>
      orm
        .select({ id, eventId, action, repository, tag, digest, occurredAt })
        .from(notifications)
        .where(and(isNull(handledAt), gt(id, after)))
        .orderBy(asc(id))
        .limit(limit)
        .all(),

    /** Marks a notification as handled. */
    done: (_tx: Transaction, id: number): void => void handled.run({ id, at: now() }),

    /**
     * Reports whether a later event of the tag has been handled, or may have been and is deleted. The notification then
     * says nothing about the tag's current image.
     */
    isOutdated: (event: Notification): boolean =>
      event.occurredAt < now() - KEPT_NOTIFICATIONS || laterHandled.get({ ...event }) !== undefined,

    /** Reports whether there is a notification of a later push of the tag, handled or not. */
    hasLaterPush: (event: Pick<RegistryEvent, 'repository' | 'tag' | 'occurredAt'>): boolean =>
      laterPush.get({ ...event }) !== undefined,

    /** Stores an observation like a handled notification: earlier notifications of the tag are then outdated. */
    recordObservation(_tx: Transaction, observation: TagObservation): void {
      const { at, ...seen } = observation
      const event = {
        ...seen,
        eventId: `${OBSERVATION}${seen.repository}:${seen.tag}`,
        action: seen.digest === null ? 'delete' : 'push',
        occurredAt: at,
      } as const
      // a new row each time, so that the oldest rows are those that expire first
      orm.delete(notifications).where(eq(eventId, event.eventId)).run()
      insert(event, now())
    },

    /** Deletes the oldest handled notifications that are no longer kept, a limited number at a time. */
    deleteExpired(): void {
      const oldest = orm.select({ id }).from(notifications).orderBy(asc(id)).limit(MAX_DELETED)
      const isExpired = lt(handledAt, now() - KEPT_NOTIFICATIONS)
      db.transact(() =>
        orm
          .delete(notifications)
          .where(and(isExpired, inArray(id, oldest)))
          .run(),
      )
    },
  }
}

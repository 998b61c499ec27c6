import { and, asc, eq, gt, inArray, isNotNull, isNull, lt, notLike, sql } from 'drizzle-orm'
import type { Database, Orm } from '../db/open.ts'
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

/** Notifications from their arrival until they are handled; handled ones are kept for a while to detect repetitions. */
export interface NotificationInbox {
  /** Stores the events with new ids, all or none. Resolves to their number when they are on disk. */
  receive(events: readonly RegistryEvent[]): Promise<number>
  /** Returns notifications that are not handled, with higher ids than `after`, in order of arrival. */
  open(limit: number, after?: number): Notification[]
  /** Marks a notification as handled. */
  done(tx: Transaction, id: number): void
  /**
   * Reports whether a later event of the tag has been handled, or may have been and is deleted. The notification then
   * says nothing about the tag's current image.
   */
  isOutdated(notification: Notification): boolean
  /** Reports whether there is a notification of a later push of the tag, handled or not. */
  hasLaterPush(event: Pick<RegistryEvent, 'repository' | 'occurredAt'> & { readonly tag: TagName }): boolean
  /** Stores an observation like a handled notification: earlier notifications of the tag are then outdated. */
  recordObservation(tx: Transaction, observation: TagObservation): void
}

export interface NotificationInboxDependencies {
  readonly db: Database
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Milliseconds for which handled notifications are kept. */
export const KEPT_NOTIFICATIONS = 7 * 24 * 3_600_000
/** Milliseconds between two deletions of expired notifications, and the maximum number of rows of each. */
const DELETE_EVERY = 60_000
const MAX_DELETED = 1000
/** Prefix of the ids of observations; ids of events have no spaces. */
const OBSERVATION = 'saw '

export function createNotificationInbox({ db, now }: NotificationInboxDependencies): NotificationInbox {
  const queries = prepareQueries(db.orm)
  let deletedAt = Number.NEGATIVE_INFINITY

  const isDeletionDue = (): boolean => {
    if (now() - deletedAt < DELETE_EVERY) return false
    deletedAt = now()
    return true
  }

  return {
    async receive(events) {
      if (events.length === 0) return 0
      const expiredBefore = isDeletionDue() ? now() - KEPT_NOTIFICATIONS : undefined
      return db.transactTogether(() => {
        if (expiredBefore !== undefined) queries.deleteExpired.run({ before: expiredBefore })
        let received = 0
        for (const event of events) {
          received += queries.insert.run({ ...event, receivedAt: now(), handledAt: null }).changes
        }
        return received
      })
    },
    open: (limit, after = 0) => queries.open.all({ after, limit }),
    done: (_tx, id) => void queries.setHandled.run({ id, at: now() }),
    isOutdated: (event) =>
      event.occurredAt < now() - KEPT_NOTIFICATIONS || queries.laterHandled.get({ ...event }) !== undefined,
    hasLaterPush: (event) => queries.laterPush.get({ ...event }) !== undefined,
    recordObservation(_tx, { repository, tag, digest, at }) {
      const eventId = `${OBSERVATION}${repository}:${tag}`
      // a new row each time, so that the oldest rows are those that expire first
      queries.delete.run({ eventId })
      const times = { occurredAt: at, receivedAt: now(), handledAt: now() }
      queries.insert.run({
        ...{ eventId, action: digest === null ? 'delete' : 'push', repository, tag, digest },
        ...times,
      })
    },
  }
}

function prepareQueries(orm: Orm) {
  const { id, eventId, action, repository, tag, digest, occurredAt, handledAt } = notifications
  const isLater = and(
    eq(repository, sql.placeholder('repository')),
    eq(tag, sql.placeholder('tag')),
    gt(occurredAt, sql.placeholder('occurredAt')),
  )
  const oldest = orm.select({ id }).from(notifications).orderBy(asc(id)).limit(MAX_DELETED)
  return {
    insert: orm
      .insert(notifications)
      .values({
        eventId: sql.placeholder('eventId'),
        action: sql.placeholder('action'),
        repository: sql.placeholder('repository'),
        tag: sql.placeholder('tag'),
        digest: sql.placeholder('digest'),
        occurredAt: sql.placeholder('occurredAt'),
        receivedAt: sql.placeholder('receivedAt'),
        handledAt: sql.placeholder('handledAt'),
      })
      .onConflictDoNothing({ target: eventId })
      .prepare(),
    open: orm
      .select({ id, eventId, action, repository, tag, digest, occurredAt })
      .from(notifications)
      .where(and(isNull(handledAt), gt(id, sql.placeholder('after'))))
      .orderBy(asc(id))
      .limit(sql.placeholder('limit'))
      .prepare(),
    setHandled: orm
      .update(notifications)
      .set({ handledAt: sql`${sql.placeholder('at')}` })
      .where(eq(id, sql.placeholder('id')))
      .prepare(),
    laterHandled: orm
      .select({ id })
      .from(notifications)
      .where(and(isLater, isNotNull(handledAt)))
      .limit(1)
      .prepare(),
    laterPush: orm
      .select({ id })
      .from(notifications)
      .where(and(isLater, eq(action, 'push'), notLike(eventId, `${OBSERVATION}%`)))
      .limit(1)
      .prepare(),
    delete: orm
      .delete(notifications)
      .where(eq(eventId, sql.placeholder('eventId')))
      .prepare(),
    deleteExpired: orm
      .delete(notifications)
      .where(and(lt(handledAt, sql.placeholder('before')), inArray(id, oldest)))
      .prepare(),
  }
}

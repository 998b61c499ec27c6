import type { Database } from '../db/open.ts'
import type { Transaction } from '../db/transact.ts'
import type { Digest } from '../oci/digest.ts'
import type { RegistryEvent } from '../oci/distribution-events.ts'
import type { TagName } from '../oci/tag.ts'

/** An event as it waits to be worked off; ids ascend in the order of arrival. */
export interface Notification extends RegistryEvent {
  readonly id: number
}

/** What somebody saw in the registry without being told: the digest, or null for a tag that is gone. */
export interface Sighting {
  readonly repository: string
  readonly tag: TagName
  readonly digest: Digest | null
  /** When the registry was asked; milliseconds since 1970. */
  readonly at: number
}

/** What a registry told, from the moment it was told that we have it until it is done; then it is known for a while. */
export interface NotificationInbox {
  /** Keeps the events that are new by their id, all or none. Resolves, when they are on disk, to how many were new. */
  receive(events: readonly RegistryEvent[]): Promise<number>
  /** What is not done, in order of arrival, from behind this id on. */
  open(limit: number, after?: number): Notification[]
  done(tx: Transaction, id: number): void
  /**
   * Whether something later is done already for its repository and tag, or might be and is forgotten: then it says
   * nothing about what the tag means now.
   */
  isOutdated(notification: Notification): boolean
  /** Whether the registry told of a later push of the tag, done or not. */
  knowsLaterPush(event: Pick<RegistryEvent, 'repository' | 'occurredAt'> & { readonly tag: TagName }): boolean
  /** Keeps what was seen as if it had been told and were done: older news of the tag are late from now on. */
  saw(tx: Transaction, sighting: Sighting): void
}

export interface NotificationInboxDependencies {
  readonly db: Database
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Milliseconds for which a done event is known again when it is delivered once more. */
export const KEPT_NOTIFICATIONS = 7 * 24 * 3_600_000
/** Milliseconds between two looks for what need not be kept, and how many rows one of them looks at. */
const DROP_EVERY = 60_000
const DROPPED_AT_ONCE = 1000
/** What no event's id begins with. */
const SIGHTING = 'saw '

const COLUMNS =
  'id, event_id as eventId, action, repository, tag, digest, occurred_at as occurredAt from registry_notifications'

export function createNotificationInbox({ db, now }: NotificationInboxDependencies): NotificationInbox {
  const insert = db.prepare(`insert into registry_notifications
    (event_id, action, repository, tag, digest, occurred_at, received_at) values (?, ?, ?, ?, ?, ?, ?)
    on conflict (event_id) do nothing`)
  const open = db.prepare<Notification>(
    `select ${COLUMNS} where handled_at is null and id > ? order by id limit ?`,
  )
  const done = db.prepare('update registry_notifications set handled_at = ? where id = ?')
  const laterDone = db.prepare<object>(`select 1 from registry_notifications
    where repository = ? and tag = ? and occurred_at > ? and handled_at is not null limit 1`)
  const laterPush = db.prepare<object>(`select 1 from registry_notifications
    where repository = ? and tag = ? and occurred_at > ? and action = 'push' and event_id not like '${SIGHTING}%'
    limit 1`)
  // anew each time, so that the oldest rows are those that can go first
  const see = db.prepare(`insert or replace into registry_notifications
    (event_id, action, repository, tag, digest, occurred_at, received_at, handled_at)
    values (?, ?, ?, ?, ?, ?, ?, ?)`)
  const drop = db.prepare(`delete from registry_notifications where handled_at < ?
    and id in (select id from registry_notifications order by id limit ${DROPPED_AT_ONCE})`)
  let droppedAt = Number.NEGATIVE_INFINITY

  const isDropDue = (): boolean => {
    if (now() - droppedAt < DROP_EVERY) return false
    droppedAt = now()
    return true
  }

  const insertAll = (events: readonly RegistryEvent[]): number => {
    let fresh = 0
    for (const { eventId, action, repository, tag, digest, occurredAt } of events) {
      fresh += insert.run(eventId, action, repository, tag, digest, occurredAt, now()).changes
    }
    return fresh
  }

  return {
    async receive(events) {
      if (events.length === 0) return 0
      const dropBefore = isDropDue() ? now() - KEPT_NOTIFICATIONS : undefined
      const write = () => {
        if (dropBefore !== undefined) drop.run(dropBefore)
        return insertAll(events)
      }
      return db.transactTogether(write, { patient: false })
    },
    open: (limit, after = 0) => open.all(after, limit),
    done: (_tx, id) => void done.run(now(), id),
    isOutdated: ({ repository, tag, occurredAt }) =>
      occurredAt < now() - KEPT_NOTIFICATIONS || laterDone.get(repository, tag, occurredAt) !== undefined,
    knowsLaterPush: ({ repository, tag, occurredAt }) =>
      laterPush.get(repository, tag, occurredAt) !== undefined,
    saw(_tx, { repository, tag, digest, at }) {
      const action = digest === null ? 'delete' : 'push'
      see.run(`${SIGHTING}${repository}:${tag}`, action, repository, tag, digest, at, now(), now())
    },
  }
}

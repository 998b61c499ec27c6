import { type SetTimer, systemTimer } from '../../concurrency/clock.ts'
import type { Database } from '../../db/open.ts'
import type { Trigger } from '../definition/trigger.ts'
import type { TriggerRows } from '../definition/trigger-rows.ts'
import type { DeliveryRows, TriggerDelivery } from '../state/delivery-rows.ts'
import { laneOf } from '../state/lane.ts'
import type { Attempts, FoundLink } from './attempt.ts'
import { isBusy, Places } from './places.ts'

export interface LinkSearchDependencies {
  readonly db: Pick<Database, 'transact' | 'transactUnsynced'>
  readonly deliveries: Pick<DeliveryRows, 'toFollow' | 'followed' | 'postpone' | 'nextFollowAt'>
  readonly triggers: Pick<TriggerRows, 'byIds'>
  readonly attempts: Pick<Attempts, 'findLink'>
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly onError: (error: unknown) => void
  /** `systemTimer` unless given. */
  readonly setTimer?: SetTimer
}

/** Deliveries that are read at a time, and the least milliseconds until they are read again. */
const PART = { size: 200, pause: 1_000 }

/**
 * Creates the search for links of work that had no address when its delivery was accepted: a build that waits in a queue. A host
 * that does not respond delays no other.
 */
export function createLinkSearch(dependencies: LinkSearchDependencies) {
  const { db, deliveries, triggers, attempts, now, onError, setTimer = systemTimer } = dependencies
  const places = new Places()
  /** Requests under way, by the number of the delivery. */
  const running = new Map<number, Promise<void>>()
  const stop = new AbortController()
  let cancelTimer = (): void => {}

  const note = (delivery: TriggerDelivery, { link, isFinal }: FoundLink): void =>
    db.transact(() => deliveries.followed(delivery, link, isFinal))

  /** Requests a link, if there is a place. Reports whether the request is under way. */
  const begin = (delivery: TriggerDelivery, trigger: Trigger): boolean => {
    if (running.has(delivery.id)) return true
    const lane = laneOf(trigger)
    if (places.free(lane) === 0) return false
    const release = places.take(lane)
    const ended = attempts
      .findLink(trigger, delivery, stop.signal)
      .then((found) => {
        note(delivery, found)
        release(isBusy(found.status, found.isFinal))
      })
      .catch((error: unknown) => {
        release()
        if (!stop.signal.aborted) onError(error)
      })
      .finally(() => {
        running.delete(delivery.id)
        plan()
      })
    running.set(delivery.id, ended)
    return true
  }

  const plan = (): void => {
    cancelTimer()
    const next = stop.signal.aborted ? undefined : deliveries.nextFollowAt()
    if (next !== undefined) cancelTimer = setTimer(wake, Math.max(PART.pause, next - now()))
  }
  const wake = (): void => {
    if (stop.signal.aborted) return
    const due = deliveries.toFollow(PART.size)
    const found = triggers.byIds(due.map(({ triggerId }) => triggerId))
    const waiting = due.filter((delivery) => {
      const trigger = found.get(delivery.triggerId)
      // deliveries are deleted with their trigger
      return trigger && !begin(delivery, trigger)
    })
    // those of other hosts come before them
    if (waiting.length > 0) db.transactUnsynced(() => deliveries.postpone(waiting.map(({ id }) => id)))
    plan()
  }

  return {
    /** Requests the links that are due, and plans the next ones. */
    wake,
    /** Resolves when no request is under way. */
    async idle(): Promise<void> {
      while (running.size > 0) await Promise.all(running.values())
    },
    async [Symbol.asyncDispose](): Promise<void> {
      stop.abort(new Error('the server stops'))
      cancelTimer()
      await Promise.all(running.values())
    },
  }
}

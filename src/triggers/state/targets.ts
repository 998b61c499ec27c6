import type { Transaction } from '../../db/transact.ts'
import type { DeliveryRows } from './delivery-rows.ts'
import type { DeliveryLane } from './lane.ts'
import type { Target, TargetKey } from './target.ts'
import type { TargetRows } from './target-rows.ts'
import { type Move, type PlannedDelivery, settled, type TargetState, want } from './target-state.ts'

interface TargetsDependencies {
  readonly rows: TargetRows
  readonly deliveries: Pick<DeliveryRows, 'supersede'>
  /** Called in the transaction when an attempt is planned, with its time in milliseconds since 1970. */
  readonly onPlanned: (lane: DeliveryLane, dueAt: number) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** The targets of all triggers: the door for each change of one state. `TargetRows` changes many at once. */
export type Targets = ReturnType<typeof createTargets>

/** Creates the changes of targets. */
export function createTargets({ rows, deliveries, onPlanned, now }: TargetsDependencies) {
  /** Stores the next state of a target. A delivery that was attempted, and that another one replaces, is over. */
  const change = (_tx: Transaction, target: Target, state: TargetState, message: string | null): void => {
    const { delivery: old } = target.state
    const { delivery, fired } = state
    const isReplaced = old !== null && wasAttempted(old) && !isSame(old, delivery)
    if (isReplaced && fired?.eventId !== old.move.eventId) {
      deliveries.supersede(target, 'the tag has moved to another image since')
    }
    rows.save({ ...target, state, message })
    const dueAt = delivery && (delivery.leaseUntil ?? delivery.nextAt)
    if (dueAt !== null && target.isHeld === 0) onPlanned(target.lane, dueAt)
  }

  return {
    find: rows.find,
    change,

    /** Notes that the tag points to another image. */
    want(tx: Transaction, target: Target, move: Move): void {
      const state = want(target.state, move, now())
      change(tx, target, state, state.delivery === target.state.delivery ? target.message : null)
    },

    /** Gives up the delivery that is planned, because of what `message` says. */
    giveUp(tx: Transaction, target: Target, message: string): void {
      deliveries.supersede(target, message)
      change(tx, target, { ...target.state, delivery: null }, message)
    },
  }
}

/** Returns a target for which nothing was done yet, and for which nothing is to be done while its tag points to `now`. */
export const newTarget = (
  key: TargetKey,
  trigger: Pick<Target, 'lane' | 'isHeld'>,
  now: Move | null = null,
): Target => ({
  ...{ ...key, ...trigger },
  ...{ state: settled(now), approval: null, message: null, lastDeliveryId: null },
})

const wasAttempted = ({ failures, leaseUntil }: PlannedDelivery): boolean =>
  failures > 0 || leaseUntil !== null

const isSame = (one: PlannedDelivery, other: PlannedDelivery | null): boolean =>
  other !== null && one.move.eventId === other.move.eventId && one.byHand === other.byHand

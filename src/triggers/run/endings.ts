import type { Transaction } from '../../db/transact.ts'
import type { Failure } from '../content/answer.ts'
import type { DeliveryRows, TriggerDelivery } from '../state/delivery-rows.ts'
import type { TargetRows } from '../state/target-rows.ts'
import { failed, succeeded, type TargetState } from '../state/target-state.ts'
import type { Targets } from '../state/targets.ts'
import type { AttemptEnd } from './attempt.ts'
import type { Begun } from './beginnings.ts'
import type { DeliveryChanges } from './changes.ts'

/** An attempt that has ended. */
export interface Ended extends AttemptEnd {
  readonly begun: Begun
}

export interface EndingsDependencies {
  readonly rows: TargetRows
  readonly targets: Pick<Targets, 'change' | 'giveUp'>
  readonly deliveries: DeliveryRows
  readonly changes: Pick<DeliveryChanges, 'announce'>
  /** Holds a trigger whose receiver wants no more requests. */
  readonly disable: (tx: Transaction, triggerId: number, reason: string) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Returns a number from 0 to 1. */
  readonly random: () => number
}

/** What to do about a receiver that wants no more requests. */
const GONE_REMEDY = 'it is gone: give another URL with updateTrigger, and continue with resumeTrigger'

/** Creates the storing of how an attempt ended, in the transaction of the caller. */
export function createEndings(dependencies: EndingsDependencies) {
  const { rows, targets, deliveries, changes, disable, now, random } = dependencies
  const next = (state: TargetState, failure: Failure | null): TargetState =>
    failure ? failed(state, failure, now(), random()) : succeeded(state, now())

  return (tx: Transaction, { begun, answer, at, milliseconds, request }: Ended): void => {
    // the tag may have moved, and the trigger been changed or deleted, during the attempt
    const target = rows.find(begun.target)
    if (target?.id !== begun.target.id || target.state.delivery === null) return
    const { failure, status, text, link, follow = null } = answer
    const message = failure?.message ?? null
    const state = next(target.state, failure)
    targets.change(tx, target, state, message)
    deliveries.end(begun.deliveryRow, {
      ...{ state: deliveryState(begun, state, failure), request, message, link, followUrl: follow },
      ...{ at, milliseconds, status, response: text },
    })
    changes.announce(tx, begun.deliveryRow)
    if (failure?.kind === 'GONE') disable(tx, target.triggerId, `${message}: ${GONE_REMEDY}`)
  }
}

function deliveryState(
  { target }: Begun,
  { delivery }: TargetState,
  failure: Failure | null,
): TriggerDelivery['state'] {
  if (!failure) return 'DELIVERED'
  const isCurrent = delivery?.move.eventId === target.state.delivery?.move.eventId
  if (!isCurrent) return 'SUPERSEDED'
  return delivery?.nextAt === null ? 'DEAD' : 'RETRYING'
}

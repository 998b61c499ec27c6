import { isOfDatabase } from '../../db/sqlite-errors.ts'
import type { Transaction } from '../../db/transact.ts'
import type { MovedTag } from '../content/moved-tag.ts'
import type { Trigger } from '../definition/trigger.ts'
import type { TriggerRows } from '../definition/trigger-rows.ts'
import type { DeliveryRows } from '../state/delivery-rows.ts'
import type { DeliveryLane } from '../state/lane.ts'
import type { StoredTarget } from '../state/target.ts'
import type { TargetRows } from '../state/target-rows.ts'
import { begin, deliveryId, failed, held, renewed } from '../state/target-state.ts'
import type { Targets } from '../state/targets.ts'
import type { Causes } from './causes.ts'
import type { DeliveryChanges } from './changes.ts'
import type { DescribeDelivery } from './described.ts'
import type { Guarding } from './guarding.ts'

/** An attempt that has begun. */
export interface Begun {
  readonly target: StoredTarget
  readonly trigger: Trigger
  readonly move: MovedTag
  /** Id of the delivery, the same at each attempt. */
  readonly webhookId: string
  /** Number of the delivery's row. */
  readonly deliveryRow: number
}

export interface BeginningsDependencies {
  readonly rows: TargetRows
  readonly targets: Pick<Targets, 'change' | 'giveUp'>
  readonly deliveries: DeliveryRows
  readonly triggers: Pick<TriggerRows, 'byIds'>
  readonly causes: Pick<Causes, 'of' | 'circle'>
  readonly changes: Pick<DeliveryChanges, 'announce'>
  readonly describe: DescribeDelivery
  readonly guarding: Guarding
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Returns a number from 0 to 1. */
  readonly random: () => number
  readonly onError: (error: unknown) => void
}

/** Creates the begin of attempts, which guards may hold: the delivery is stored before it is sent. */
export function createBeginnings(dependencies: BeginningsDependencies) {
  const { rows, targets, deliveries, triggers, causes, changes, describe, guarding } = dependencies
  const { now, random, onError } = dependencies

  const beginOne = (tx: Transaction, target: StoredTarget): Begun | undefined => {
    const { triggerId, tagId, state } = target
    const trigger = triggers.byIds([triggerId]).get(triggerId)
    const { delivery } = state
    if (!trigger || !delivery) return undefined
    const { move: planned, byHand } = delivery
    const described = describe(trigger, target, planned.eventId)
    if (!described) {
      targets.giveUp(tx, target, 'the tag was removed, or the entry of its history pruned')
      return undefined
    }
    const { cause, move, identity } = described
    const judgement = guarding.judge(trigger, target, cause)
    if (!judgement.open) {
      targets.change(tx, target, held(state, judgement, now()), judgement.message)
      return undefined
    }
    const causedBy = byHand > 0 ? undefined : causes.of(planned)
    const circle = causedBy && causes.circle(target, causedBy)
    if (circle !== undefined) {
      targets.change(tx, target, failed(state, { kind: 'NEVER', message: circle }, now(), 0), circle)
      return undefined
    }
    const webhookId = deliveryId(trigger.uid, delivery, identity)
    const deliveryRow = deliveries.begin({
      ...{ triggerId, tagId, eventId: planned.eventId, byHand, webhookId, causedBy: causedBy?.id ?? null },
      ...{ imageStreamName: move.imageStream, tag: move.tag, digest: move.digest },
    })
    changes.announce(tx, deliveryRow)
    const begun = { ...target, state: begin(state, now()), lastDeliveryId: deliveryRow }
    const message = delivery.guard === null ? target.message : null
    targets.change(tx, { ...target, lastDeliveryId: deliveryRow }, begun.state, message)
    return { target: begun, trigger, move, webhookId, deliveryRow }
  }

  /** Begins an attempt. One that cannot begin has failed, and stops no other. */
  const beginOrFail = (tx: Transaction, target: StoredTarget): Begun | undefined => {
    try {
      return beginOne(tx, target)
    } catch (error) {
      if (isOfDatabase(error)) throw error
      onError(error)
      const failure = { kind: 'LATER', message: `internal error: ${String(error)}` } as const
      targets.change(tx, target, failed(target.state, failure, now(), random()), failure.message)
      return undefined
    }
  }

  return {
    /** Begins attempts of a lane that are due, at most `limit`. Of those that run, the lease is renewed. */
    begin(
      tx: Transaction,
      lane: DeliveryLane,
      limit: number,
      isRunning: (targetId: number) => boolean,
    ): Begun[] {
      const begun: Begun[] = []
      for (const target of rows.due(lane, limit)) {
        if (isRunning(target.id)) {
          targets.change(tx, target, renewed(target.state, now()), target.message)
          continue
        }
        const one = beginOrFail(tx, target)
        if (one) begun.push(one)
      }
      return begun
    },
  }
}

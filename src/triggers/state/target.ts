import { triggerTargets as table } from '../../db/tables/index.ts'
import type { Move, TargetState } from './target-state.ts'

type Row = typeof table.$inferSelect

/** A tag for which a trigger acts. */
export type TargetKey = Pick<Row, 'triggerId' | 'tagId'>

/** A target with its state. */
export interface Target extends TargetKey, Pick<Row, 'lane' | 'isHeld' | 'message' | 'lastDeliveryId'> {
  readonly state: TargetState
  /** The newest approval; null when there was none. */
  readonly approval: Approval | null
}

/** An approval of one move of a tag. */
export interface Approval {
  readonly eventId: number
  /** Name of the person. */
  readonly by: string
  /** Milliseconds since 1970. */
  readonly at: number
}

/** A stored target. */
export interface StoredTarget extends Target, Pick<Row, 'id' | 'stateSince'> {
  readonly stateName: StateName
}

export type StateName = Row['state']
export const STATE_NAMES = table.state.enumValues

/** Returns what follows from the state for people. */
function stateNameOf({ delivery }: TargetState): StateName {
  if (!delivery) return 'IDLE'
  if (delivery.leaseUntil !== null) return 'RUNNING'
  if (delivery.guard !== null) return 'WAITING'
  if (delivery.nextAt === null) return 'DEAD'
  return delivery.failures > 0 ? 'RETRYING' : 'PENDING'
}

export function targetOf(row: Row): StoredTarget {
  const { id, triggerId, tagId, lane, isHeld, message, lastDeliveryId, stateSince } = row
  const { deliveryByHand: byHand, failures, nextAt, guard, heldSince, leaseUntil } = row
  const { approvedEventId: eventId, approvedBy: by, approvedAt: at } = row
  const attempted = moveOf(row.deliveryEventId, row.deliveryImageId)
  const state: TargetState = {
    wanted: moveOf(row.wantedEventId, row.wantedImageId),
    fired: moveOf(row.firedEventId, row.firedImageId),
    mayHaveAnother: row.mayHaveAnother === 1,
    delivery: attempted && { move: attempted, byHand, failures, nextAt, guard, heldSince, leaseUntil },
    byHand: row.byHand,
  }
  return {
    ...{ id, triggerId, tagId, lane, isHeld, message, lastDeliveryId },
    ...{ state, stateSince, stateName: row.state },
    approval: eventId === null || by === null || at === null ? null : { eventId, by, at },
  }
}

const moveOf = (eventId: number | null, imageId: number | null): Move | null =>
  eventId === null || imageId === null ? null : { eventId, imageId }

/** Returns the columns of a state. */
export function columnsOf(state: TargetState) {
  const { wanted, fired, mayHaveAnother, delivery, byHand } = state
  if (!wanted) throw new Error('a target is stored once its tag has an image')
  return {
    wantedEventId: wanted.eventId,
    wantedImageId: wanted.imageId,
    firedEventId: fired?.eventId ?? null,
    firedImageId: fired?.imageId ?? null,
    mayHaveAnother: mayHaveAnother ? 1 : 0,
    deliveryEventId: delivery?.move.eventId ?? null,
    deliveryImageId: delivery?.move.imageId ?? null,
    deliveryByHand: delivery?.byHand ?? 0,
    byHand,
    failures: delivery?.failures ?? 0,
    nextAt: delivery?.nextAt ?? null,
    guard: delivery?.guard ?? null,
    heldSince: delivery?.heldSince ?? null,
    leaseUntil: delivery?.leaseUntil ?? null,
    dueAt: delivery?.leaseUntil ?? delivery?.nextAt ?? null,
    state: stateNameOf(state),
  }
}

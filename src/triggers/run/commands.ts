import type { AuditRecorder } from '../../access/audit/audit-log.ts'
import type { Viewer } from '../../access/right/viewer.ts'
import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import type { Tag } from '../../imagestream/tag/tag.ts'
import { ConflictError, NotFoundError } from '../../input/errors.ts'
import type { Definitions } from '../definition/definitions.ts'
import { heldOf, type Trigger } from '../definition/trigger.ts'
import type { DeliveryRows } from '../state/delivery-rows.ts'
import { laneOf } from '../state/lane.ts'
import type { StoredTarget, Target } from '../state/target.ts'
import type { TargetRows } from '../state/target-rows.ts'
import { fireByHand, retry } from '../state/target-state.ts'
import { newTarget, type Targets } from '../state/targets.ts'
import type { createTagOfTrigger, TagOfTrigger } from './tag-of-trigger.ts'

interface CommandsDependencies {
  readonly db: Pick<Database, 'transact'>
  readonly audit: AuditRecorder
  readonly definitions: Pick<Definitions, 'find'>
  readonly rows: TargetRows
  readonly targets: Targets
  readonly deliveries: Pick<DeliveryRows, 'byIds'>
  readonly tagOf: ReturnType<typeof createTagOfTrigger>
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly wake: () => void
}

/** Targets that one command retries: it is one transaction. */
const MAX_RETRIED = 1_000

/** Creates what people do with targets. It needs the right `configure` in the trigger's namespace. */
export function createTriggerCommands(dependencies: CommandsDependencies) {
  const { db, audit, definitions, rows, targets, deliveries, tagOf, now, wake } = dependencies

  const record = (
    tx: Transaction,
    viewer: Viewer,
    action: string,
    trigger: Trigger,
    details: object,
  ): void => {
    const { namespace, name } = trigger
    audit.record(tx, viewer, {
      action,
      namespace,
      target: `trigger ${namespace}/${name}`,
      details: { ...details },
    })
    tx.afterCommit(wake)
  }

  /** Returns the target of a tag; of one that has not moved since the trigger was created, a new one. */
  const targetOf = ({ id: triggerId, ...trigger }: Trigger, tag: Tag): Target => {
    const { id: tagId, newestEventId, image } = tag
    const stored = rows.find({ triggerId, tagId })
    if (stored) return stored
    const wanted = newestEventId !== null && image ? { eventId: newestEventId, imageId: image.id } : null
    return newTarget({ triggerId, tagId }, { lane: laneOf(trigger), isHeld: heldOf(trigger) }, wanted)
  }

  return {
    /**
     * Lets the trigger act for the image that the tag has now, under a new id, whether or not it has acted for it. Throws
     * NotFoundError, InvalidInputError, ConflictError.
     */
    fire: (viewer: Viewer, input: TagOfTrigger): StoredTarget =>
      db.transact((tx) => {
        const trigger = definitions.find(viewer, input.id)
        const target = targetOf(trigger, tagOf(viewer, trigger, input))
        const state = fireByHand(target.state, now())
        if (state === target.state)
          throw new ConflictError('a delivery for this tag is being attempted: wait until it has ended')
        targets.change(tx, target, state, null)
        const { imageStream, tag } = input
        record(tx, viewer, 'fireTrigger', trigger, { imageStream, tag })
        const stored = rows.find(target)
        if (!stored) throw new Error('the target was not stored')
        return stored
      }),

    /**
     * Attempts again, once for each tag and with its newest image, what failed since a time, for good or until the next attempt. Returns the targets.
     * Throws NotFoundError.
     */
    retrySince: (viewer: Viewer, id: number, since: number): StoredTarget[] =>
      db.transact((tx) => {
        const trigger = definitions.find(viewer, id)
        const failing = rows.failed(id, since, MAX_RETRIED)
        for (const target of failing) targets.change(tx, target, retry(target.state, now()), target.message)
        record(tx, viewer, 'retryDeliveries', trigger, { count: failing.length })
        return [...rows.byIds(failing.map((target) => target.id)).values()]
      }),

    /** Attempts a delivery again at once. Throws NotFoundError; ConflictError for one that is not the newest of its tag. */
    retryOne: (viewer: Viewer, deliveryId: number): StoredTarget =>
      db.transact((tx) => {
        const delivery = deliveries.byIds([deliveryId]).get(deliveryId)
        if (!delivery) throw new NotFoundError('no delivery has this id')
        const trigger = definitions.find(viewer, delivery.triggerId)
        const target = rows.find(delivery)
        if (target?.lastDeliveryId !== deliveryId || !target.state.delivery) {
          throw new ConflictError(
            'only a delivery that failed, and that is the newest of its tag, is attempted again: fireTrigger sends the newest image once more',
          )
        }
        targets.change(tx, target, retry(target.state, now()), target.message)
        record(tx, viewer, 'retryDeliveries', trigger, { tag: delivery.tag })
        return rows.find(target) ?? target
      }),
  }
}

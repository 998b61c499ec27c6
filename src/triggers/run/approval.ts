import type { AuditRecorder } from '../../access/audit/audit-log.ts'
import { isAnonymous, requirePerson, type Viewer } from '../../access/right/viewer.ts'
import type { Database } from '../../db/open.ts'
import type { Tags } from '../../imagestream/tag/tag.ts'
import { ConflictError, NotFoundError } from '../../input/errors.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Definitions } from '../definition/definitions.ts'
import type { StoredTarget } from '../state/target.ts'
import type { TargetRows } from '../state/target-rows.ts'
import { released } from '../state/target-state.ts'
import type { Targets } from '../state/targets.ts'
import type { DescribeMove } from './moves.ts'

export interface ApprovalDependencies {
  readonly db: Pick<Database, 'transact'>
  readonly audit: AuditRecorder
  readonly definitions: Pick<Definitions, 'find'>
  readonly rows: Pick<TargetRows, 'byIds' | 'find'>
  readonly targets: Pick<Targets, 'change'>
  readonly tags: Pick<Tags, 'event' | 'byIds'>
  readonly describe: DescribeMove
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly wake: () => void
}

/** The image that a person was shown for a target. */
export interface ApprovedImage {
  /** Number of the target. */
  readonly id: number
  readonly digest: Digest
}

/**
 * Creates the approval of deliveries by people: of exactly the image that was shown, and of no later one. An access token does
 * not approve, since a program can use it.
 */
export function createApproval(dependencies: ApprovalDependencies) {
  const { db, audit, definitions, rows, targets, tags, describe, now, wake } = dependencies

  /** Returns the digest that the tag of an entry of a history has now; null without one. */
  const currentDigest = (eventId: number): Digest | null => {
    const event = tags.event(eventId)
    const newest = event && tags.byIds([event.tagId]).get(event.tagId)?.newestEventId
    return newest == null ? null : (describe(newest)?.digest ?? null)
  }

  /**
   * Approves the delivery that waits at a target. Throws NotFoundError, ForbiddenError, UnauthenticatedError; ConflictError
   * where nothing waits for approval, and where the tag has another digest than the given one.
   */
  return (viewer: Viewer, { id, digest }: ApprovedImage): StoredTarget => {
    // without sign-in everybody may do everything
    if (!isAnonymous(viewer)) requirePerson(viewer)
    return db.transact((tx) => {
      const target = rows.byIds([id]).get(id)
      if (!target) throw new NotFoundError('no target of a trigger has this id')
      const trigger = definitions.find(viewer, target.triggerId)
      const { delivery } = target.state
      const isWaiting = target.stateName === 'WAITING' || target.stateName === 'PENDING'
      if (!trigger.guards.approval || !delivery || !isWaiting) {
        throw new ConflictError(`no delivery of the trigger ${trigger.name} for this tag waits for approval`)
      }
      const { eventId } = delivery.move
      const current = currentDigest(eventId)
      const move = describe(eventId)
      if (current !== digest || move?.digest !== digest) {
        throw new ConflictError(`the tag points to ${current ?? 'no image'} now: approve what it points to`)
      }
      if (target.approval?.eventId === eventId) return target
      const approval = { eventId, by: viewer.name, at: now() }
      targets.change(tx, { ...target, approval }, released(target.state, now()), target.message)
      const { namespace, name } = trigger
      audit.record(tx, viewer, {
        ...{ action: 'approveDelivery', namespace, target: `trigger ${namespace}/${name}` },
        details: { imageStream: move.imageStream, tag: move.tag, digest },
      })
      tx.afterCommit(wake)
      return rows.find(target) ?? target
    })
  }
}

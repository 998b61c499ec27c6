import type { Transaction } from '../../db/transact.ts'
import type { ChangeLog } from '../../events/change-log.ts'
import type { Push } from '../../events/push-filter.ts'
import { mayCopy, type RightsOf } from '../../imagestream/record/record-followers.ts'
import type { Tags } from '../../imagestream/tag/tag.ts'
import type { Bases, OutdatedTag } from '../base/bases.ts'
import type { createDerivedTags } from '../base/derived-tags.ts'
import { matchesBases } from '../definition/base-pattern.ts'
import { type BasesReading, readingOf, stored } from '../definition/bases-reading.ts'
import { heldOf, type Trigger } from '../definition/trigger.ts'
import type { TriggerRows } from '../definition/trigger-rows.ts'
import { laneOf } from '../state/lane.ts'
import type { Move } from '../state/target-state.ts'
import { newTarget, type Targets } from '../state/targets.ts'

interface BaseMovesDependencies {
  readonly changeLog: Pick<ChangeLog, 'read'>
  readonly bases: Bases
  readonly derivedTags: ReturnType<typeof createDerivedTags>
  readonly triggers: Pick<TriggerRows, 'byIds' | 'withBasesToRead' | 'setBasesReadFrom'>
  readonly tags: Pick<Tags, 'named' | 'byIds'>
  readonly targets: Targets
  /** Present rights of principals. */
  readonly rightsOf: RightsOf
}

/** Entries of the change log that are read at a time. */
const PART = 200

/** The moves of base images, for the triggers that react to them. */
export type BaseMoves = ReturnType<typeof createBaseMoves>

/** Creates the reactions to moves of base images. */
export function createBaseMoves(dependencies: BaseMovesDependencies) {
  const { changeLog, bases, derivedTags, triggers, tags, targets, rightsOf } = dependencies
  /** The trigger whose bases were read last: they take turns. */
  let lastRead = 0

  /** Reports whether the trigger reacts to the push as one of its base images. */
  const isReacting = ({ bases: pattern, basesNamedBy, since }: Trigger, push: Push): boolean => {
    const { namespace, imageStreamName: name, tag, sequence } = push
    const stream = { namespace, name }
    return (
      pattern !== null &&
      since < sequence &&
      matchesBases(pattern, stream, tag) &&
      mayCopy(rightsOf, basesNamedBy, stream)
    )
  }

  const noteOutdated = (
    tx: Transaction,
    { triggerId, tagId }: OutdatedTag,
    push: Push,
    move: Move,
  ): boolean => {
    const trigger = triggers.byIds([triggerId]).get(triggerId)
    const derived = tags.byIds([tagId]).get(tagId)
    if (!trigger || !derived?.image || !isReacting(trigger, push)) return false
    const key = { triggerId, tagId }
    const target = targets.find(key) ?? newTarget(key, { lane: laneOf(trigger), isHeld: heldOf(trigger) })
    targets.want(tx, target, move)
    return true
  }

  /** Notes the move of a tag for the triggers of tags that are based on it. Reports whether there is one. */
  const note = (tx: Transaction, push: Push): boolean => {
    if (!bases.areStored()) return false
    const [base] = tags.named([push.streamId], push.tag)
    // removed meanwhile
    if (!base?.image || base.newestEventId === null) return false
    const move = { eventId: base.newestEventId, imageId: base.image.id }
    const outdated = bases
      .outdatedBy(tx, push, { tagId: base.id, imageId: base.image.id })
      // an image that adds layers to the image before it is its own base
      .filter(({ tagId }) => tagId !== base.id)
    return outdated.map((one) => noteOutdated(tx, one, push, move)).includes(true)
  }

  /** Reads a part of what a trigger has to know. Returns how far it was read. */
  const readOn = (
    tx: Transaction,
    trigger: Trigger,
    { after, known }: BasesReading,
    position: number,
  ): BasesReading => {
    if (after) {
      if (after[0] === '') bases.forget(tx, trigger.id)
      const { matched, next } = derivedTags(trigger, after)
      for (const { tagId, imageId } of matched) bases.set(tx, { triggerId: trigger.id, tagId }, imageId)
      return { after: next, known }
    }
    const last = Math.max(known, Math.min(known + PART, position))
    for (const push of changeLog.read({ after: known, before: last + 1, limit: PART })) note(tx, push)
    return { after, known: last }
  }

  return {
    /** Stores the bases of the image that a tag points to, for a trigger whose patterns match the tag. */
    setBases: bases.set,

    note,

    /**
     * Reads the bases of some tags that a new trigger matches, and then, again, the moves of bases up to the `position` of the
     * reader of the log: what moved before its bases were read. Reports whether there were any to read.
     */
    readBases(tx: Transaction, position: number): boolean {
      const trigger = triggers.withBasesToRead(lastRead)
      if (!trigger) return false
      const { id, basesReadFrom } = trigger
      lastRead = id
      const reading = readingOf(basesReadFrom ?? '')
      const next = readOn(tx, trigger, reading, position)
      const isDone = next.after === null && next.known >= position
      triggers.setBasesReadFrom(id, isDone ? null : stored(next))
      return true
    },
  }
}

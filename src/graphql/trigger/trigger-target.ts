import { STATE_NAMES, type StateName, type StoredTarget } from '../../triggers/state/target.ts'
import { isDelivered } from '../../triggers/state/target-state.ts'
import { batch, batchValues, loadForBatch, loadReferred } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { NodeInterface, nodeId, registerRowNode } from '../kit/node.ts'
import { ownedConnection } from '../kit/owned-connection.ts'
import { ImageStreamTagType, ImageType } from '../kit/references.ts'
import { PART_OF_TAG } from '../kit/stream-of.ts'
import { enumType, objectType } from '../kit/types.ts'
import { TriggerGuardEnum } from './guards.ts'
import { TriggerDeliveryType, TriggerTargetType, TriggerType } from './references.ts'

export const tagOf = (target: Pick<StoredTarget, 'tagId'>, { tags }: GraphQLContext) =>
  loadReferred(target, 'tag', 'tagId', (ids) => tags.byIds(ids))
const triggerOf = (target: StoredTarget, { triggers }: GraphQLContext) =>
  loadReferred(target, 'trigger', 'triggerId', (ids) => triggers.definitions.byIds(ids))

registerRowNode('TriggerTarget', {
  load: (id, { triggers }) => triggers.targets.byIds([id]).get(id),
  access: PART_OF_TAG,
})

export const TriggerTargetStateEnum = enumType('TriggerTargetState', {
  description: 'What a trigger has done for a tag, or has to do.',
  values: {
    IDLE: 'Nothing is to be done: the image was delivered, the tag moved back to the image that was delivered, or the tag was removed.',
    PENDING: 'A delivery is about to begin.',
    WAITING: 'A guard of the trigger holds the delivery; `message` says which, and until when.',
    RUNNING: 'A delivery is attempted now.',
    RETRYING: 'The last attempt failed. `nextAttemptAt` is the time of the next one, `message` the cause.',
    DEAD: 'The delivery failed and is not attempted again, until the tag moves or a person retries it.',
    PAUSED: 'A delivery waits because the trigger is paused.',
    DISABLED: 'A delivery waits because the trigger is disabled.',
  },
})

type ShownState = StateName | 'PAUSED' | 'DISABLED'

/** Returns the state as it is stored; the states of the trigger are stored with the trigger. */
export const storedState = (state: ShownState | null): StateName | null =>
  STATE_NAMES.find((name) => name === state) ?? null

function stateOf(target: StoredTarget, context: GraphQLContext): ShownState {
  const { isHeld, stateName } = target
  if (isHeld === 0 || stateName === 'IDLE' || stateName === 'DEAD' || stateName === 'RUNNING')
    return stateName
  return triggerOf(target, context)?.disabledReason == null ? 'PAUSED' : 'DISABLED'
}

/** What a failure says before what the receiver said. */
const STATUS = /^it responded with (?:status \d+|a redirect \(\d+\))/

function messageOf(target: StoredTarget, context: GraphQLContext): string | null {
  const { message, stateName } = target
  const trigger = triggerOf(target, context)
  const maySee = trigger && context.viewer.rights.mayInNamespace('configure', trigger.namespace)
  if (message === null || maySee || stateName === 'WAITING') return message
  const [status] = STATUS.exec(message) ?? []
  return status ?? 'the last attempt failed: those who may configure the trigger see why'
}

objectType(TriggerTargetType, {
  description:
    'What a trigger has done for one tag, and has to do. Who may view the image stream may view it; the trigger and the delivery need the right `configure`.',
  interfaces: [NodeInterface],
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the target.',
      resolve: ({ id }) => nodeId('TriggerTarget', id),
    }),
    message: t.string({
      nullable: true,
      description:
        'Explanation for people why the last attempt failed, why the delivery was given up, or what the guard waits for; null otherwise. What a receiver said is for viewers with the right `configure` in the namespace of the trigger.',
      resolve: (target, _args, context) => messageOf(target, context),
    }),
    triggerName: t.string({
      description: 'Name of the trigger.',
      resolve: (target, _args, context) => triggerOf(target, context)?.name ?? '',
    }),
    trigger: t.field({
      type: TriggerType,
      nullable: true,
      description: 'The trigger; null for a viewer without the right `configure` in its namespace.',
      resolve(target, _args, context) {
        const trigger = triggerOf(target, context)
        const isSeen = trigger && context.viewer.rights.mayInNamespace('configure', trigger.namespace)
        return isSeen ? trigger : null
      },
    }),
    tagName: t.string({
      description: 'Name of the tag.',
      resolve: (target, _args, context) => tagOf(target, context)?.name ?? '',
    }),
    imageStreamTag: t.field({
      type: ImageStreamTagType,
      nullable: true,
      description: 'The tag; null if it was removed.',
      resolve(target, _args, context) {
        const tag = tagOf(target, context)
        return tag && tag.removedAt === null ? tag : null
      },
    }),
    state: t.field({
      type: TriggerTargetStateEnum,
      description: 'What the trigger has done, or has to do.',
      resolve: (target, _args, context) => stateOf(target, context),
    }),
    stateChangedAt: t.expose('stateSince', {
      type: 'DateTime',
      description: 'Time since which it is in this state.',
    }),
    isDelivered: t.boolean({
      description:
        'Whether the receiver accepted the image that the tag has, and no attempt of another image has begun since.',
      resolve: (target, _args, context) => isDelivered(target.state) && hasWanted(target, context),
    }),
    image: t.field({
      type: ImageType,
      nullable: true,
      description:
        'Image that the tag has, as far as the trigger knows; of a trigger from a base image, the new base. Null if it was pruned, or the viewer does not see it.',
      resolve: (target, _args, context) =>
        imagesOf(target, context).get(target.state.wanted?.imageId ?? 0) ?? null,
    }),
    deliveredImage: t.field({
      type: ImageType,
      nullable: true,
      description:
        'Image that the receiver last accepted; null if none was, it was pruned, or the viewer does not see it.',
      resolve: (target, _args, context) =>
        imagesOf(target, context).get(target.state.fired?.imageId ?? 0) ?? null,
    }),
    guard: t.field({
      type: TriggerGuardEnum,
      nullable: true,
      description: 'Guard that holds the delivery; null if none does.',
      resolve: ({ state: { delivery } }) => delivery?.guard ?? null,
    }),
    approvedBy: t.string({
      nullable: true,
      description: 'Name of the person who approved `image`; null if no one has.',
      resolve: (target) => approvalOf(target)?.by ?? null,
    }),
    approvedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Time of that approval; null if there is none.',
      resolve: (target) => approvalOf(target)?.at ?? null,
    }),
    failureCount: t.int({
      description: 'Number of attempts of the present delivery that failed.',
      resolve: ({ state: { delivery } }) => delivery?.failures ?? 0,
    }),
    nextAttemptAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'Time of the next attempt, or of the next judgement of a guard; null if none is planned, the guard waits for an event, or the trigger does not act.',
      resolve: ({ isHeld, state: { delivery } }) => (isHeld === 1 ? null : (delivery?.nextAt ?? null)),
    }),
    lastDelivery: t.field({
      type: TriggerDeliveryType,
      nullable: true,
      description: 'Newest delivery; null before the first, and for a viewer without the right `configure`.',
      resolve(target, _args, context) {
        const trigger = triggerOf(target, context)
        if (!trigger || !context.viewer.rights.mayInNamespace('configure', trigger.namespace)) return null
        return loadReferred(target, 'lastDelivery', 'lastDeliveryId', (ids) =>
          context.triggers.deliveries.byIds(ids),
        )
      },
    }),
  }),
})

/** Reports whether the tag has the image that the trigger knows: a trigger from a policy passes over other moves. */
const hasWanted = (target: StoredTarget, context: GraphQLContext): boolean =>
  triggerOf(target, context)?.source === 'BASE_IMAGE' ||
  tagOf(target, context)?.image?.id === target.state.wanted?.imageId

/** Returns the approval of the image that is wanted; undefined without one. */
const approvalOf = ({ approval, state: { wanted } }: StoredTarget) =>
  approval?.eventId === wanted?.eventId ? approval : undefined

/** Returns the images of the targets of this batch that the viewer sees, by their ids: a base may be in another namespace. */
const imagesOf = (target: StoredTarget, { viewer, images }: GraphQLContext) =>
  loadForBatch(target, 'images', (targets) => {
    const ids = targets.flatMap(({ state: { wanted, fired } }) =>
      [wanted, fired].flatMap((move) => move?.imageId ?? []),
    )
    const found = [...images.byIds(ids).values()].map(({ digest }) => digest)
    const seen = images.byDigests(viewer, found)
    return batchValues(new Map([...seen.values()].map((image) => [image.id, image])))
  })

export const TriggerTargetConnection = connectionType('TriggerTarget', TriggerTargetType, {
  items: 'targets',
})
export const targetCursors = keyCursors<StoredTarget>('targets', ({ id }) => [id])

builder.objectField(ImageStreamTagType, 'triggerTargets', (t) =>
  t.field({
    type: TriggerTargetConnection,
    description:
      'What the triggers have done since the tag last moved, and why not: a target for each trigger that has reacted to the tag.',
    args: connectionArgs,
    complexity: pageComplexity,
    resolve: (tag, args, { triggers: { reads } }, info) =>
      ownedConnection(tag, args, info, {
        name: 'triggerTargets',
        cursors: targetCursors,
        rows: (ids, page) => batch(reads.targetsOfTags(ids, page)),
        ownerIdOf: ({ tagId }) => tagId,
        counts: (ids) => reads.countOfTags(ids),
      }),
  }),
)

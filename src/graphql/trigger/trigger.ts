import type { Trigger } from '../../triggers/definition/trigger.ts'
import { triggerStateOf } from '../../triggers/definition/trigger.ts'
import { batch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { connection, keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { namespaceArg } from '../kit/inputs.ts'
import { NodeInterface, nodeId, registerRowNode } from '../kit/node.ts'
import { ownedConnection } from '../kit/owned-connection.ts'
import { namespaceFilterArg, namespaceIn } from '../kit/search-filter.ts'
import { enumType, objectType } from '../kit/types.ts'
import { TriggerGuardsType } from './guards.ts'
import { TriggerSourceEnum, TriggerType } from './references.ts'
import { TriggerActionType } from './trigger-action.ts'
import { deliveryCursors, TriggerDeliveryConnection } from './trigger-delivery.ts'
import {
  storedState,
  TriggerTargetConnection,
  TriggerTargetStateEnum,
  targetCursors,
} from './trigger-target.ts'

registerRowNode('Trigger', {
  load: (id, { triggers }) => triggers.definitions.byIds([id]).get(id),
  access: { right: 'configure', namespaceOf: ({ namespace }) => namespace },
})

const TriggerStateEnum = enumType('TriggerState', {
  description: 'State of a trigger.',
  values: {
    ACTIVE: 'The trigger acts.',
    PAUSED:
      'A person paused the trigger. What moves meanwhile is delivered, once for each tag, when it is resumed.',
    DISABLED:
      'The receiver answered 410 (Gone): it wants no more requests. `disabledMessage` explains it; `resumeTrigger` starts again.',
  },
})

objectType(TriggerType, {
  description:
    'A reaction: when a tag points to another image, the trigger acts once for the newest image. It keeps a state for each tag, not a queue: ten moves during an outage of the receiver cause one delivery.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    namespace: t.string('Namespace of the trigger, and of the image streams that it reacts to.'),
    name: t.string('Name of the trigger, unique in its namespace.'),
    createdAt: t.dateTime('Time at which the trigger was created. It does not act for earlier moves.'),
    createdBy: t.string('Name of the person, token or rule that created the trigger.'),
    pausedAt: t.dateTimeOrNull('Time at which the trigger was paused; null if it is not.'),
    pausedUntil: t.dateTimeOrNull(
      'Time at which the trigger resumes by itself; null if it is not paused, or without end.',
    ),
    pausedBy: t.stringOrNull(
      'Name of the person, token or rule that paused the trigger; null if it is not paused.',
    ),
  }),
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the trigger.',
      resolve: ({ id }) => nodeId('Trigger', id),
    }),
    imageStreams: t.exposeString('streams', {
      description: 'Pattern over the names of image streams; `*` stands for any characters.',
    }),
    tags: t.exposeString('tags', {
      description: 'Pattern over the names of tags; `*` stands for any characters.',
    }),
    source: t.expose('source', { type: TriggerSourceEnum, description: 'What the trigger reacts to.' }),
    baseImages: t.exposeString('bases', {
      nullable: true,
      description:
        'Pattern over base images, `namespace/imageStreams:tags`, for the source `BASE_IMAGE`; null for others.',
    }),
    guards: t.field({
      type: TriggerGuardsType,
      description: 'Conditions that must hold before the trigger acts.',
      resolve: ({ guards }) => guards,
    }),
    action: t.field({
      type: TriggerActionType,
      description: 'What the trigger does.',
      resolve: (trigger) => trigger,
    }),
    state: t.field({ type: TriggerStateEnum, description: 'State of the trigger.', resolve: triggerStateOf }),
    changedAt: t.expose('updatedAt', {
      type: 'DateTime',
      description: 'Time at which the trigger was last changed, paused or resumed.',
    }),
    pauseMessage: t.exposeString('pauseReason', {
      nullable: true,
      description: 'Why the trigger was paused; null if it is not.',
    }),
    disabledMessage: t.exposeString('disabledReason', {
      nullable: true,
      description: 'Why the trigger was disabled; null if it was not.',
    }),
    targets: t.field({
      type: TriggerTargetConnection,
      description:
        'Tags that have moved since the trigger was created, with what it has done and has to do for each.',
      args: {
        state: t.arg({
          type: TriggerTargetStateEnum,
          description:
            'Returns only tags in this state. `PAUSED` and `DISABLED` are states of the trigger: they match none here.',
        }),
        ...connectionArgs,
      },
      complexity: pageComplexity,
      resolve: (trigger, { state, ...args }, { triggers: { reads } }, info) => {
        const stored = storedState(state ?? null)
        return ownedConnection(trigger, args, info, {
          name: `targets ${stored}`,
          cursors: targetCursors,
          rows: (ids, page) => batch(reads.targetsOfTriggers(ids, page, stored)),
          ownerIdOf: ({ triggerId }) => triggerId,
          counts: (ids) => reads.countOfTriggers(ids, stored),
        })
      },
    }),
    deliveries: t.field({
      type: TriggerDeliveryConnection,
      description:
        'Log of deliveries, newest first: the last 200, and the newest of each tag, which is kept as long as the trigger.',
      args: connectionArgs,
      complexity: pageComplexity,
      resolve: (trigger, args, { triggers: { reads } }, info) =>
        ownedConnection(trigger, args, info, {
          name: 'deliveries',
          cursors: deliveryCursors,
          rows: (ids, page) => batch(reads.deliveriesOfTriggers(ids, page)),
          ownerIdOf: ({ triggerId }) => triggerId,
          counts: (ids) => reads.countDeliveries(ids),
        }),
    }),
  }),
})

const TriggerConnection = connectionType('Trigger', TriggerType, { items: 'triggers' })
const cursors = keyCursors<Trigger>('triggers', ({ id }) => [id])

builder.queryField('triggers', (t) =>
  t.field({
    type: TriggerConnection,
    description:
      'Returns the triggers of the namespaces in which the viewer has the right, or of one of them, oldest first.',
    access: 'configure',
    example: `
      # Every trigger, and what it could not deliver.
      query Triggers {
        triggers(first: 10) {
          nodes {
            namespace name imageStreams tags state
            action { kind host }
            targets(state: DEAD, first: 5) { totalCount nodes { tagName message } }
          }
        }
      }
    `,
    complexity: pageComplexity,
    args: { ...namespaceFilterArg('triggers'), ...connectionArgs },
    resolve: (_query, { namespace: given, ...args }, { viewer, triggers: { definitions } }, info) => {
      const namespace = namespaceIn(given)
      return connection(args, info, {
        cursors,
        rows: (page) => batch(definitions.page(viewer, namespace, page)),
        totalCount: () => definitions.count(viewer, namespace),
      })
    },
  }),
)

builder.queryField('trigger', (t) =>
  t.field({
    type: TriggerType,
    nullable: true,
    description: 'Returns the trigger with this name; null if there is none.',
    access: 'configure',
    example: `
      # What a trigger has delivered.
      query Trigger {
        trigger(name: "build-app") {
          state
          deliveries(first: 5) { nodes { tagName digest state attemptCount startedAt message link } }
        }
      }
    `,
    args: {
      ...namespaceArg('Namespace of the trigger'),
      name: t.arg.string({ required: true, description: 'Name of the trigger.' }),
    },
    resolve: (_query, { namespace, name }, { viewer, triggers: { definitions } }) =>
      definitions.byName(viewer, namespace, name) ?? null,
  }),
)

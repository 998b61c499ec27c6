import type { Viewer } from '../../access/right/viewer.ts'
import { requireInNamespace } from '../../access/right/viewer.ts'
import { NotFoundError, quoted } from '../../input/errors.ts'
import type { Trigger } from '../../triggers/definition/trigger.ts'
import type { TriggerDelivery } from '../../triggers/state/delivery-rows.ts'
import { builder } from '../kit/builder.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { namespaceArg } from '../kit/inputs.ts'
import { whileSeen } from '../work/while-seen.ts'
import { TriggerDeliveryType } from './references.ts'

interface Wanted {
  readonly namespace: string
  /** Null for the triggers of all names. */
  readonly name: string | null
}

/** Yields each delivery of the triggers, in its present state, as often as it changes. */
async function* changesOf(
  { namespace, name }: Wanted,
  { follow, definitions, deliveries }: GraphQLContext['triggers'],
): AsyncGenerator<TriggerDelivery, void, undefined> {
  const isWanted = (trigger: Trigger | undefined): boolean =>
    trigger?.namespace === namespace && (name === null || trigger.name === name)
  for await (const id of follow()) {
    const delivery = deliveries.byIds([id]).get(id)
    if (delivery && isWanted(definitions.byIds([delivery.triggerId]).get(delivery.triggerId))) yield delivery
  }
}

builder.subscriptionField('deliveryChanged', (t) =>
  t.field({
    type: TriggerDeliveryType,
    description:
      'Delivers each delivery of the triggers of a namespace when an attempt begins or ends, in its present state. Changes during a lost connection are not repeated: `trigger(name:)` has the log. `NOT_FOUND` if the namespace has no trigger of this name.',
    access: 'configure',
    example: `
      # What triggers do, live.
      subscription DeliveryChanged {
        deliveryChanged { tagName digest state attemptCount message link }
      }
    `,
    args: {
      ...namespaceArg('Namespace of the triggers'),
      trigger: t.arg.string({ description: 'Name of a trigger. If omitted, all triggers of the namespace.' }),
    },
    subscribe(_root, { namespace, trigger }, context) {
      requireInNamespace(context.viewer, 'configure', namespace)
      const { definitions } = context.triggers
      if (trigger != null && !definitions.byName(context.viewer, namespace, trigger)) {
        throw new NotFoundError(`the namespace ${namespace} has no trigger ${quoted(trigger)}`)
      }
      const changes = changesOf({ namespace, name: trigger ?? null }, context.triggers)
      const isSeen = ({ rights }: Viewer): boolean => rights.mayInNamespace('configure', namespace)
      return whileSeen(context, changes, {
        isSeen,
        missing: `the right "configure" is missing in ${namespace}`,
      })
    },
    // also an error, which the executor reports
    resolve: (delivery) => delivery as TriggerDelivery,
  }),
)

import type { Trigger } from '../../triggers/definition/trigger.ts'
import type { TriggerDelivery } from '../../triggers/state/delivery-rows.ts'
import type { StoredTarget } from '../../triggers/state/target-rows.ts'
import { builder } from '../kit/builder.ts'

// References to the object types, for fields of any file; the file of each type implements it.

export const TriggerType = builder.objectRef<Trigger>('Trigger')
export const TriggerTargetType = builder.objectRef<StoredTarget>('TriggerTarget')
export const TriggerDeliveryType = builder.objectRef<TriggerDelivery>('TriggerDelivery')

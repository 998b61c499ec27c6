import type { Trigger } from '../../triggers/definition/trigger.ts'
import type { TriggerDelivery } from '../../triggers/state/delivery-rows.ts'
import type { StoredTarget } from '../../triggers/state/target.ts'
import { builder } from '../kit/builder.ts'
import { enumType } from '../kit/types.ts'

// References to the object types, for fields of any file; the file of each type implements it.

export const TriggerSourceEnum = enumType<Trigger['source']>('TriggerSource', {
  description: 'What a trigger reacts to.',
  values: {
    TAG: 'Moves of the tags that the patterns match, whatever causes them.',
    POLICY: 'Moves of the same tags that their policies make, and no others.',
    BASE_IMAGE:
      'Moves of the base images of the same tags: the image that a tag has is based on an image to which another tag pointed before. The trigger acts for the tag whose image is outdated.',
  },
})

export const TriggerType = builder.objectRef<Trigger>('Trigger')
export const TriggerTargetType = builder.objectRef<StoredTarget>('TriggerTarget')
export const TriggerDeliveryType = builder.objectRef<TriggerDelivery>('TriggerDelivery')

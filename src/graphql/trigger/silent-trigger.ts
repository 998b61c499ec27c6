import type { Silence, SilentTrigger } from '../../triggers/run/silent-triggers.ts'
import { batch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { ImageStreamTagType } from '../kit/references.ts'
import { streamOf } from '../kit/stream-of.ts'
import { enumType, objectType } from '../kit/types.ts'
import { TriggerType } from './references.ts'

/** What to do, by why a trigger has not reacted. */
const MESSAGES: Readonly<Record<Silence, string>> = {
  NOT_MOVED:
    'the tag has not moved since the trigger was created: fireTrigger delivers the image that it has',
  NOT_MOVED_BY_POLICY:
    'no policy has moved the tag since the trigger was created: a trigger of the source TAG reacts to all moves',
  BASE_NOT_MOVED:
    'no base image of the tag has moved since the trigger was created: a base is a tag of an image stream here, found by the annotations org.opencontainers.image.base.name and .digest or by its layers, and matches baseImages of the trigger',
  READING_BASES: 'the base images of the tags that the trigger matches are being read',
}

const TriggerSilenceEnum = enumType<Silence>('TriggerSilence', {
  description: 'Why a trigger has not reacted to a tag that its source matches.',
  values: {
    NOT_MOVED: 'The tag has not moved since the trigger was created.',
    NOT_MOVED_BY_POLICY: 'The trigger reacts to moves by a policy, and no policy has moved the tag since.',
    BASE_NOT_MOVED:
      'The trigger reacts to moves of base images, and none of the tag’s base images has moved since.',
    READING_BASES: 'The base images of the tags that the trigger matches are being read.',
  },
})

const SilentTriggerType = objectType<SilentTrigger>('SilentTrigger', {
  description: 'A trigger that has not reacted to a tag, although its source matches the tag.',
  properties: (t) => ({
    silence: t.one(TriggerSilenceEnum, 'Why it has not reacted.'),
  }),
  fields: (t) => ({
    triggerName: t.string({
      description: 'Name of the trigger.',
      resolve: ({ trigger }) => trigger.name,
    }),
    trigger: t.field({
      type: TriggerType,
      nullable: true,
      description: 'The trigger; null for a viewer without the right `configure` in its namespace.',
      resolve: ({ trigger }, _args, { viewer }) =>
        viewer.rights.mayInNamespace('configure', trigger.namespace) ? trigger : null,
    }),
    message: t.string({
      description: 'Explanation for people, with what to do.',
      resolve: ({ silence }) => MESSAGES[silence],
    }),
  }),
})

/** What the field costs besides what is selected of its items: some lookups for each tag. */
const COMPLEXITY = { field: 10, multiplier: 20 }

builder.objectField(ImageStreamTagType, 'silentTriggers', (t) =>
  t.field({
    type: [SilentTriggerType],
    description:
      'Triggers whose source matches the tag and that have not reacted to it since they were created, each with why; at most 100, the oldest first. Those that have reacted are `triggerTargets`.',
    complexity: COMPLEXITY,
    resolve(tag, _args, context) {
      const stream = streamOf(tag, context)
      return batch(stream ? context.triggers.silentTriggersOf(stream, tag) : [])
    },
  }),
)

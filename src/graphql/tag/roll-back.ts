import type { RolledBackTag } from '../../imagestream/commands/roll-back.ts'
import { builder } from '../kit/builder.ts'
import { ImageStreamTagType, TagEventType } from '../kit/object-types.ts'
import { batchTags } from './image-stream-tag.ts'

const RollbackTagInput = builder.inputType('RollbackTagInput', {
  description:
    'A tag, and where back to: either an image that it has meant, or a time. Give exactly one of `digest` and `at`.',
  fields: (t) => ({
    namespace: t.string({ required: true, defaultValue: 'default', description: 'Namespace of the stream.' }),
    imageStream: t.string({ required: true, description: 'Name of the stream.' }),
    tag: t.string({ required: true, description: 'The tag: `latest`.' }),
    digest: t.field({ type: 'Digest', description: 'An image that the tag has meant.' }),
    at: t.field({ type: 'DateTime', description: 'Whatever the tag meant at this time.' }),
    resourceVersion: t.string({
      description: 'Refuses with `CONFLICT` unless this is still the stream’s newest version.',
    }),
  }),
})

const RollbackTagPayload = builder.objectRef<RolledBackTag>('RollbackTagPayload').implement({
  description: 'The tag as it is after it was rolled back.',
  fields: (t) => ({
    imageStreamTag: t.field({
      type: ImageStreamTagType,
      description:
        'The tag. Its spec names the image from now on: neither an import nor another tag moves it.',
      resolve: ({ tag }) => {
        batchTags([tag])
        return tag
      },
    }),
    event: t.field({
      type: TagEventType,
      description: 'The newest entry of its history: a new one, but where it meant the image already.',
      resolve: ({ event }) => event,
    }),
    previous: t.field({
      type: TagEventType,
      nullable: true,
      description: 'What it meant until now; null where it meant the image already.',
      resolve: ({ previous }) => previous,
    }),
  }),
})

builder.mutationField('rollbackTag', (t) =>
  t.field({
    type: RollbackTagPayload,
    description:
      'Lets a tag mean an image again that it meant before, as a new entry of its history, and keeps it there: as `oc tag stream@digest stream:tag` does. Tags that follow it move too. `INVALID` for an image that it never meant.',
    args: {
      input: t.arg({ type: RollbackTagInput, required: true, description: 'The tag and where back to.' }),
    },
    resolve: (_mutation, { input }, { rollBackTag }) => rollBackTag(input),
  }),
)

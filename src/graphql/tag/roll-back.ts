import type { RolledBackTag } from '../../imagestream/commands/roll-back.ts'
import { inputType, mutation, ofTag } from '../kit/inputs.ts'
import { ImageStreamTagType, TagEventType } from '../kit/references.ts'
import { enumType, objectType } from '../kit/types.ts'
import { MUTATION_COMPLEXITY } from '../work/mutation-complexity.ts'
import { batchTags } from './tags-of-stream.ts'

const RollbackTargetEnum = enumType('RollbackTarget', {
  description: 'Target of a rollback relative to the present image of the tag.',
  values: { PREVIOUS: 'The image that the tag pointed to before its present image.' },
})

const RollbackTagInput = inputType('RollbackTagInput', {
  description:
    'A tag to roll back, and the target: the previous image, an earlier image or a time. Exactly one of `to`, `digest` and `at` is required.',
  fields: (t) => ({
    namespace: t.streamNamespace(),
    imageStream: t.imageStreamOfTag(),
    tag: t.tag(),
    to: t.one(
      RollbackTargetEnum,
      'The previous image: the one that the tag pointed to last before its present image. After a rollback that is the image that was rolled back.',
    ),
    digest: t.digest('Digest of an image in the history of the tag.'),
    at: t.dateTime('Time whose image the tag gets: the image that the tag pointed to at this time.'),
    resourceVersion: t.resourceVersion(),
  }),
})

const RollbackTagPayload = objectType<RolledBackTag>('RollbackTagPayload', {
  description: 'The tag after the rollback.',
  properties: (t) => ({
    event: t.one(
      TagEventType,
      'Newest entry of the tag’s history. It is a new entry, unless the tag already pointed to the image.',
    ),
    previous: t.oneOrNull(
      TagEventType,
      'Entry of the tag’s history that was the newest before the rollback; null if the tag already pointed to the image.',
    ),
  }),
  fields: (t) => ({
    imageStreamTag: t.field({
      type: ImageStreamTagType,
      description:
        'The tag. The spec of the tag now contains the image: imports and other tags no longer change the tag.',
      resolve: ({ tag }) => {
        batchTags([tag])
        return tag
      },
    }),
  }),
})

mutation('rollbackTag', {
  description:
    'Points a tag to an image of its history again, adds an entry to the history and pins the tag to the image, like `oc tag stream@digest stream:tag`. Tags that follow the tag change too. `INVALID` if the history does not contain the image, or has no other image than the present one for `PREVIOUS`.',
  access: 'tag',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    # Back to the image before the present one; digest and at name another one of the history.
    mutation RollbackTag {
      rollbackTag(input: { imageStream: "ruby:prod", to: PREVIOUS }) { imageStreamTag { name dockerImageReference } }
    }
  `,
  input: RollbackTagInput,
  inputDescription: 'The tag and the target of the rollback.',
  payload: RollbackTagPayload,
  resolve: (input, { viewer, rollBackTag }) => rollBackTag(viewer, ofTag(input)),
})

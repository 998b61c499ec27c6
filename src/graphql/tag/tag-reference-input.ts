import { builder } from '../kit/builder.ts'
import { KeyValueInput } from '../kit/key-value.ts'
import { TagPolicyInput } from './tag-policy.ts'
import { ImportModeEnum, ObjectReferenceKindEnum, TagReferencePolicyTypeEnum } from './tag-reference.ts'

export const TagImportPolicyInput = builder.inputType('TagImportPolicyInput', {
  description: 'How tags are to be imported.',
  fields: (t) => ({
    insecure: t.boolean({
      required: true,
      defaultValue: false,
      description: 'Accepts plain HTTP, or a certificate that does not verify.',
    }),
    scheduled: t.boolean({
      required: true,
      defaultValue: false,
      description: 'Says that this is to be imported again and again without being asked.',
    }),
    importMode: t.field({
      type: ImportModeEnum,
      required: true,
      defaultValue: 'Legacy',
      description: 'What to take of an image for several platforms.',
    }),
  }),
})

export const ObjectReferenceInput = builder.inputType('ObjectReferenceInput', {
  description: 'Names the source of a tag.',
  fields: (t) => ({
    kind: t.field({ type: ObjectReferenceKindEnum, required: true, description: 'What is named.' }),
    name: t.string({
      required: true,
      description:
        'Its name, as the kind spells it: `quay.io/team/app:v1`; `app:v1` or `app@sha256:4f3c`, and without `app` those of the tag’s own stream.',
    }),
    namespace: t.string({ description: 'Namespace of an image stream; the tag’s own when left out.' }),
  }),
})

export const TagReferenceInput = builder.inputType('TagReferenceInput', {
  description: 'A tag as the spec shall want it.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'Name of the tag: `3.3`.' }),
    annotations: t.field({ type: [KeyValueInput], description: 'Notes on the tag.' }),
    from: t.field({
      type: ObjectReferenceInput,
      description:
        'Where its image comes from. An `ImageStreamTag` is followed from now on, also one that is not there yet; a `DockerImage` is imported.',
    }),
    policy: t.field({
      type: TagPolicyInput,
      description:
        'Lets a rule choose what the tag means: among the tags of the repository that `from` names, a `DockerImage` without tag or digest, or without `from` among the stream’s own.',
    }),
    reference: t.boolean({
      required: true,
      defaultValue: false,
      description: 'Passes `from` on as it is: a pull spec is not imported, a tag is not followed.',
    }),
    importPolicy: t.field({ type: TagImportPolicyInput, description: 'How to import it.' }),
    referencePolicy: t.field({
      type: builder.inputType('TagReferencePolicyInput', {
        description: 'Which pull spec of the image to give out.',
        fields: (p) => ({
          type: p.field({
            type: TagReferencePolicyTypeEnum,
            required: true,
            defaultValue: 'Source',
            description: 'The source’s pull spec, or the integrated registry’s.',
          }),
        }),
      }),
      description: 'Which pull spec of the image to give out.',
    }),
  }),
})

import { inputType } from '../kit/inputs.ts'
import { KeyValueInput } from '../kit/key-value.ts'
import { TagPolicyInput } from './tag-policy.ts'
import { ImportModeEnum, ObjectReferenceKindEnum, TagReferencePolicyTypeEnum } from './tag-reference.ts'

export const TagImportPolicyInput = inputType('TagImportPolicyInput', {
  description: 'Import settings of tags.',
  fields: (t) => ({
    insecure: t.flag(
      'Whether the import may use plain HTTP or accept an invalid certificate; the default is false.',
    ),
    scheduled: t.flag(
      'Whether the server imports periodically; the default is false. `INVALID` for a tag whose source is an image by digest, or a tag or image of a stream: they are not imported again.',
    ),
    importMode: t.field({
      type: ImportModeEnum,
      required: true,
      defaultValue: 'Legacy',
      description: 'Part of a multi-platform image that is imported; the default is `LEGACY`.',
    }),
  }),
})

export const ObjectReferenceInput = inputType('ObjectReferenceInput', {
  description: 'Source of a tag.',
  fields: (t) => ({
    kind: t.requiredOne(ObjectReferenceKindEnum, 'Kind of the source.'),
    name: t.requiredString(
      'Name in the syntax of the kind: `quay.io/team/app:v1` for a `DOCKER_IMAGE`; `app:v1` or `app@sha256:4f3c` for the other kinds, or without `app` for the tag’s own stream.',
    ),
    namespace: t.string(
      'Namespace of the source’s image stream. If omitted, it is the first component of a name with a slash, as in `team/app:v1`, and otherwise the namespace of the tag. Not allowed for a `DOCKER_IMAGE`.',
    ),
  }),
})

const TagReferencePolicyInput = inputType('TagReferencePolicyInput', {
  description: 'Pull spec that clients get for the tag’s image.',
  fields: (t) => ({
    type: t.field({
      type: TagReferencePolicyTypeEnum,
      required: true,
      defaultValue: 'Source',
      description:
        'Whether clients get the pull spec of the source or of the integrated registry; the default is `SOURCE`.',
    }),
  }),
})

export const TagReferenceInput = inputType('TagReferenceInput', {
  description: 'A tag of an image stream’s spec.',
  fields: (t) => ({
    name: t.requiredString('Name of the tag, for example `3.3`.'),
    annotations: t.list(KeyValueInput, 'Annotations of the tag; at most 256 KiB of text.'),
    from: t.one(
      ObjectReferenceInput,
      'Source of the tag’s image. An `IMAGE_STREAM_TAG` is followed and need not exist yet; a `DOCKER_IMAGE` is imported. If omitted, the tag gets its image from pushes or from `policy`.',
    ),
    policy: t.one(
      TagPolicyInput,
      'Policy that chooses the tag’s image: from the tags of the repository in `from`, a `DOCKER_IMAGE` without tag and digest, or without `from` from the tags of the image stream.',
    ),
    reference: t.flag(
      'Whether `from` is stored without effect: a pull spec is not imported, and a tag is not followed. The default is false.',
    ),
    importPolicy: t.one(TagImportPolicyInput, 'Import settings of the tag.'),
    referencePolicy: t.one(TagReferencePolicyInput, 'Pull spec that clients get for the tag’s image.'),
  }),
})

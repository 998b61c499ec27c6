import { readKeyValues } from '../../input/key-values.ts'
import { builder } from '../kit/builder.ts'
import {
  KeyValueType,
  ObjectReferenceType,
  TagImportPolicyType,
  TagReferencePolicyType,
  TagReferenceType,
} from '../kit/object-types.ts'

export const ImportModeEnum = builder.enumType('ImportMode', {
  description: 'Part of a multi-platform image that is imported.',
  values: {
    Legacy: {
      description:
        'The image of one platform: linux/amd64, or the platform in the spec tag’s annotations `importer.image.openshift.io/prefer-os` and `importer.image.openshift.io/prefer-arch`.',
    },
    PreserveOriginal: { description: 'The index and all of its images.' },
  } as const,
})

export const TagReferencePolicyTypeEnum = builder.enumType('TagReferencePolicyType', {
  description: 'Pull spec that clients get for an imported image.',
  values: {
    Source: { description: 'The registry from which the image was imported.' },
    Local: { description: 'The integrated registry, if there is one.' },
  } as const,
})

export const ObjectReferenceKindEnum = builder.enumType('ObjectReferenceKind', {
  description: 'Kind of an object that a reference names.',
  values: {
    DockerImage: { description: 'An image in a registry: `quay.io/team/app:v1`.' },
    ImageStreamTag: { description: 'A tag of an image stream: `app:v1`.' },
    ImageStreamImage: { description: 'An image in the history of an image stream: `app@sha256:…`.' },
  } as const,
})

TagImportPolicyType.implement({
  description: 'Import settings of tags.',
  fields: (t) => ({
    insecure: t.boolean({
      description: 'Whether the import may use plain HTTP or accept an invalid certificate.',
      resolve: ({ insecure }) => Boolean(insecure),
    }),
    scheduled: t.boolean({
      description: 'Whether the server imports periodically; `schedule` and `schedules` contain the times.',
      resolve: ({ scheduled }) => Boolean(scheduled),
    }),
    importMode: t.field({
      type: ImportModeEnum,
      description: 'Part of a multi-platform image that is imported.',
      resolve: ({ importMode }) => importMode,
    }),
  }),
})

TagReferenceType.implement({
  description: 'A tag of an image stream’s spec: the source of its image, and settings.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Name of the tag, for example `3.3`.' }),
    annotations: t.field({
      type: [KeyValueType],
      description: 'Annotations of the tag, in the order in which they were set.',
      resolve: ({ annotations }) => readKeyValues(annotations),
    }),
    from: t.field({
      type: ObjectReferenceType,
      nullable: true,
      description:
        'Source of the tag’s image. Null if the tag gets its image from pushes, or from a policy over the stream’s own tags.',
      resolve: (tag) => (tag.fromKind === null ? null : tag),
    }),
    reference: t.boolean({
      description: 'Whether `from` has no effect: a pull spec is not imported, and a tag is not followed.',
      resolve: ({ reference }) => Boolean(reference),
    }),
    generation: t.exposeInt('generation', {
      nullable: true,
      description: 'Generation of the image stream in which the tag’s spec last changed; null if unknown.',
    }),
    importPolicy: t.field({
      type: TagImportPolicyType,
      description: 'Import settings of the tag.',
      resolve: (tag) => tag,
    }),
    referencePolicy: t.field({
      type: TagReferencePolicyType,
      description: 'Pull spec that clients get for the tag’s image.',
      resolve: (tag) => tag,
    }),
  }),
})

TagReferencePolicyType.implement({
  description: 'Pull spec that clients get for an imported image.',
  fields: (t) => ({
    type: t.field({
      type: TagReferencePolicyTypeEnum,
      description: 'Whether clients get the pull spec of the source or of the integrated registry.',
      resolve: ({ referencePolicy }) => referencePolicy,
    }),
  }),
})

ObjectReferenceType.implement({
  description: 'Source of a tag.',
  fields: (t) => ({
    kind: t.field({
      type: ObjectReferenceKindEnum,
      description: 'Kind of the source.',
      resolve: ({ fromKind }) => fromKind ?? 'DockerImage',
    }),
    name: t.string({
      description: 'Name of the source in the syntax of its kind.',
      resolve: ({ fromName }) => fromName ?? '',
    }),
    namespace: t.exposeString('fromNamespace', {
      nullable: true,
      description:
        'Namespace of the source’s image stream. Null for the namespace of the tag, and for a `DockerImage`.',
    }),
  }),
})

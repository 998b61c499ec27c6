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
  description: 'What an import takes of an index, the manifest of an image for several platforms.',
  values: {
    Legacy: {
      description:
        'The image for one platform: linux/amd64, or what the spec tag’s annotations `importer.image.openshift.io/prefer-os` and `prefer-arch` ask.',
    },
    PreserveOriginal: { description: 'The index itself, and every image in it.' },
  } as const,
})

export const TagReferencePolicyTypeEnum = builder.enumType('TagReferencePolicyType', {
  description: 'Which pull spec of an imported image is given out.',
  values: {
    Source: { description: 'The registry that the image was imported from.' },
    Local: { description: 'The integrated registry, where there is one.' },
  } as const,
})

export const ObjectReferenceKindEnum = builder.enumType('ObjectReferenceKind', {
  description: 'What a reference names.',
  values: {
    DockerImage: { description: 'An image in a registry: `quay.io/team/app:v1`.' },
    ImageStreamTag: { description: 'A tag of an image stream: `app:v1`.' },
    ImageStreamImage: { description: 'An image in the history of an image stream: `app@sha256:…`.' },
  } as const,
})

TagImportPolicyType.implement({
  description: 'How tags are imported.',
  fields: (t) => ({
    insecure: t.boolean({
      description: 'Whether plain HTTP, or a certificate that does not verify, is acceptable.',
      resolve: ({ insecure }) => Boolean(insecure),
    }),
    scheduled: t.boolean({
      description:
        'Whether this is imported again and again without being asked; `schedule` and `schedules` say when.',
      resolve: ({ scheduled }) => Boolean(scheduled),
    }),
    importMode: t.field({
      type: ImportModeEnum,
      description: 'What is taken of an image for several platforms.',
      resolve: ({ importMode }) => importMode,
    }),
  }),
})

TagReferenceType.implement({
  description: 'A tag as the spec wants it: where its image comes from, and how.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Name of the tag: `3.3`.' }),
    annotations: t.field({
      type: [KeyValueType],
      description: 'Notes on the tag, in the order in which they were given.',
      resolve: ({ annotations }) => readKeyValues(annotations),
    }),
    from: t.field({
      type: ObjectReferenceType,
      nullable: true,
      description:
        'Where its image comes from; null for a tag that is only pushed to, or chosen of the stream’s own.',
      resolve: (tag) => (tag.fromKind === null ? null : tag),
    }),
    reference: t.boolean({
      description:
        'Whether `from` is only passed on: as a pull spec that is not imported, or a tag that is not followed.',
      resolve: ({ reference }) => Boolean(reference),
    }),
    generation: t.exposeInt('generation', {
      nullable: true,
      description: 'Generation of the stream in which this tag’s spec last changed.',
    }),
    importPolicy: t.field({
      type: TagImportPolicyType,
      description: 'How the tag is imported.',
      resolve: (tag) => tag,
    }),
    referencePolicy: t.field({
      type: TagReferencePolicyType,
      description: 'Which pull spec of the image is given out.',
      resolve: (tag) => tag,
    }),
  }),
})

TagReferencePolicyType.implement({
  description: 'Which pull spec of an imported image is given out.',
  fields: (t) => ({
    type: t.field({
      type: TagReferencePolicyTypeEnum,
      description: 'The source’s pull spec, or the integrated registry’s.',
      resolve: ({ referencePolicy }) => referencePolicy,
    }),
  }),
})

ObjectReferenceType.implement({
  description: 'Names the source of a tag.',
  fields: (t) => ({
    kind: t.field({
      type: ObjectReferenceKindEnum,
      description: 'What is named.',
      resolve: ({ fromKind }) => fromKind ?? 'DockerImage',
    }),
    name: t.string({
      description: 'Its name, as the kind spells it.',
      resolve: ({ fromName }) => fromName ?? '',
    }),
    namespace: t.exposeString('fromNamespace', {
      nullable: true,
      description: 'Namespace of an image stream; null for the tag’s own, and for a `DockerImage`.',
    }),
  }),
})

import { groupBy } from '../../input/group-by.ts'
import { readKeyValues } from '../../input/key-values.ts'
import { builder } from '../kit/builder.ts'
import { KeyValueInput } from '../kit/key-value.ts'
import { gather, loadTogether } from '../kit/peers.ts'
import {
  ImageLookupPolicyType,
  ImageStreamSpecType,
  KeyValueType,
  ObjectReferenceType,
  TagImportPolicyType,
  TagReferencePolicyType,
  TagReferenceType,
} from '../kit/types.ts'
import { TagPolicyInput } from '../tag/tag-policy.ts'

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

ImageStreamSpecType.implement({
  description: 'What is wanted of an image stream.',
  fields: (t) => ({
    dockerImageRepository: t.exposeString('dockerImageRepository', {
      nullable: true,
      description:
        'Repository of which every tag is imported, as `registry/name`; null when only spec tags are.',
    }),
    importPolicy: t.field({
      type: TagImportPolicyType,
      description: 'How the tags of `dockerImageRepository` are imported.',
      resolve: (stream) => stream,
    }),
    lookupPolicy: t.field({
      type: ImageLookupPolicyType,
      description: 'Whether workloads may mean this stream by its bare name.',
      resolve: (stream) => stream,
    }),
    tags: t.field({
      type: [TagReferenceType],
      description:
        'Tags with a source or policy of their own, in the order in which they were given; each wins over the repository’s tag of that name.',
      resolve: (stream, _args, { streams }) =>
        loadTogether(stream, 'specTags', (all) => {
          const tags = gather(streams.specTags(all.map(({ id }) => id)))
          return groupBy(tags, ({ streamId }) => streamId)
        }).get(stream.id) ?? [],
    }),
  }),
})

ImageLookupPolicyType.implement({
  description: 'How bare image names in workloads are looked up.',
  fields: (t) => ({
    local: t.boolean({
      description:
        'Whether a bare name like `ruby:3.3` in a workload of this namespace means this stream first.',
      resolve: ({ lookupLocal }) => Boolean(lookupLocal),
    }),
  }),
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

const TagImportPolicyInput = builder.inputType('TagImportPolicyInput', {
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

const TagReferenceInput = builder.inputType('TagReferenceInput', {
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

export const ImageStreamSpecInput = builder.inputType('ImageStreamSpecInput', {
  description: 'What is wanted of an image stream. In an update, what is left out stays as it is.',
  fields: (t) => ({
    dockerImageRepository: t.string({
      description:
        'Repository of which every tag is imported: `docker.io/library/ruby`, without tag or digest. Null removes it.',
    }),
    importPolicy: t.field({
      type: TagImportPolicyInput,
      description:
        'How to import the tags of `dockerImageRepository`. When left out of a new stream, the server’s own way.',
    }),
    lookupPolicy: t.field({
      type: builder.inputType('ImageLookupPolicyInput', {
        description: 'How bare image names in workloads are looked up.',
        fields: (p) => ({
          local: p.boolean({
            required: true,
            description: 'Lets a bare name in a workload mean this stream first.',
          }),
        }),
      }),
      description: 'Whether workloads may mean this stream by its bare name.',
    }),
    tags: t.field({
      type: [TagReferenceInput],
      description:
        'All tags with a source of their own. In an update they replace the old ones: a tag that is no longer named loses its history.',
    }),
  }),
})

import { readKeyValues } from '../../input/key-values.ts'
import { isTagName } from '../../oci/tag.ts'
import { anyStream, lastSpecTagsOf } from '../kit/last-specs.ts'
import { NodeInterface, namedNodeId, registerNamedNode } from '../kit/node.ts'
import {
  KeyValueType,
  ObjectReferenceType,
  TagImportPolicyType,
  TagReferencePolicyType,
  TagReferenceType,
} from '../kit/references.ts'
import { PART_OF_STREAM } from '../kit/stream-of.ts'
import { enumType, objectType } from '../kit/types.ts'

export const ImportModeEnum = enumType('ImportMode', {
  description: 'Part of a multi-platform image that is imported.',
  values: {
    Legacy:
      'The image of one platform: linux/amd64, or the platform in the spec tag’s annotations `importer.image.openshift.io/prefer-os` and `importer.image.openshift.io/prefer-arch`.',
    PreserveOriginal: 'The index and all of its images.',
  },
})

export const TagReferencePolicyTypeEnum = enumType('TagReferencePolicyType', {
  description: 'Pull spec that clients get for an imported image.',
  values: {
    Source: 'The registry from which the image was imported.',
    Local: 'The integrated registry, if there is one.',
  },
})

export const ObjectReferenceKindEnum = enumType('ObjectReferenceKind', {
  description: 'Kind of an object that a reference names.',
  values: {
    DockerImage: 'An image in a registry: `quay.io/team/app:v1`.',
    ImageStreamTag: 'A tag of an image stream: `app:v1`.',
    ImageStreamImage: 'An image in the history of an image stream: `app@sha256:…`.',
  },
})

objectType(TagImportPolicyType, {
  description: 'Import settings of tags.',
  properties: (t) => ({
    importMode: t.one(ImportModeEnum, 'Part of a multi-platform image that is imported.'),
  }),
  fields: (t) => ({
    insecure: t.boolean({
      description: 'Whether the import may use plain HTTP or accept an invalid certificate.',
      resolve: ({ insecure }) => Boolean(insecure),
    }),
    scheduled: t.boolean({
      description: 'Whether the server imports periodically; `schedule` and `schedules` contain the times.',
      resolve: ({ scheduled }) => Boolean(scheduled),
    }),
  }),
})

registerNamedNode('TagReference', {
  load: (streamId, name, context) => {
    if (!isTagName(name)) return undefined
    const stream = anyStream(streamId, context)
    const last = stream && lastSpecTagsOf(stream)
    return last ? last.find((tag) => tag.name === name) : context.streams.specTag(streamId, name)
  },
  access: PART_OF_STREAM,
})

objectType(TagReferenceType, {
  description: 'A tag of an image stream’s spec: the source of its image, and settings.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    name: t.string('Name of the tag, for example `3.3`.'),
    generation: t.intOrNull(
      'Generation of the image stream in which the tag’s spec last changed; null if unknown.',
    ),
  }),
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the tag’s entry in the spec.',
      resolve: ({ streamId, name }) => namedNodeId('TagReference', streamId, name),
    }),
    annotations: t.field({
      type: [KeyValueType],
      description: 'Annotations of the tag, in the order in which they were set; at most 256 KiB of text.',
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
        'Namespace of the source’s image stream. Null for the namespace of the tag, and for a `DOCKER_IMAGE`.',
    }),
  }),
})

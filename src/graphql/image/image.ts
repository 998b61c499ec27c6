import { platformOf } from '../../imagestream/image/image.ts'
import { isDigest } from '../../oci/digest.ts'
import { batch, batchValues, loadForBatch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { NodeInterface, nodeId, registerNode } from '../kit/node.ts'
import {
  ImageConfigType,
  ImageLayerType,
  ImageType,
  IndexEntryType,
  PlatformType,
} from '../kit/references.ts'
import { enumType, objectType } from '../kit/types.ts'
import { bytesOf, childrenOf, configOf, manifestOf, pullSpecOf, wholeOf } from './image-content.ts'

registerNode('Image', {
  load: (digest, { viewer, images }) => (isDigest(digest) ? images.byDigest(viewer, digest) : undefined),
  access: 'load',
})

export const ImageKindEnum = enumType('ImageKind', {
  description: 'Kind of the content of a manifest.',
  values: {
    IMAGE: 'A container image for one platform.',
    INDEX: 'An index of images for several platforms.',
    ARTIFACT:
      'Other content that registries store: a Helm chart, a signature, an attestation, an SBOM, a WebAssembly module or the cache of a build.',
  },
})

objectType(ImageType, {
  description:
    'An image, an index of images for several platforms, or another artifact; `kind` says which. It is immutable and identified by its digest.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    digest: t.digest('Digest of the image’s manifest.'),
    size: t.bigIntOrNull(
      'Total size of the manifest, config and layers in bytes, each counted once. The size of an index includes all of its images, and is null while one of them is unknown.',
    ),
  }),
  fields: (t) => ({
    id: t.id({
      description:
        'Global identifier of the image: each image with the digest has it, also an image of a dry run that is not stored.',
      resolve: ({ digest }) => nodeId('Image', digest),
    }),
    dockerImageReference: t.string({
      description:
        'Pull spec by digest in the repository where an import or push last found the image, among those that the client may see.',
      resolve: (image, _args, context) => pullSpecOf(image, context),
    }),
    mediaType: t.string({
      description: 'Media type of the manifest.',
      resolve: (image, _args, context) => wholeOf(image, context).mediaType,
    }),
    kind: t.field({
      type: ImageKindEnum,
      description: 'Whether it is a container image, an index of images, or another artifact.',
      resolve: (image, _args, context) => wholeOf(image, context).kind,
    }),
    artifactType: t.string({
      nullable: true,
      description:
        'Type of an artifact: its declared type, or the media type of its config or first layer, for example `application/vnd.cncf.helm.config.v1+json` for a Helm chart. Null for images and indexes, and for an artifact that declares no type.',
      resolve: (image, _args, context) => wholeOf(image, context).artifactType,
    }),
    manifest: t.string({
      description: 'Manifest as text: the exact bytes that the digest covers.',
      complexity: 20,
      resolve: (image, _args, context) => new TextDecoder().decode(bytesOf(image, context)),
    }),
    created: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'Time at which the image was built, from its annotation or config; null if neither declares a time.',
      resolve: (image, _args, context) => wholeOf(image, context).createdAt,
    }),
    platform: t.field({
      type: PlatformType,
      nullable: true,
      description:
        'Platform that the image runs on. Null for an index, and for an artifact that is not a container image.',
      resolve: platformOf,
    }),
    layers: t.field({
      type: [ImageLayerType],
      description:
        'Layers of the image, the lowest first; empty for an index. The list is bounded by the size of a manifest, at most 4 MiB.',
      complexity: 5,
      resolve: (image, _args, context) => {
        const manifest = manifestOf(image, context)
        return manifest.kind === 'image' ? manifest.layers : []
      },
    }),
    config: t.field({
      type: ImageConfigType,
      nullable: true,
      description:
        'Run settings of the image. Null for an index, and for an artifact that is not a container image.',
      complexity: 5,
      resolve: (image, _args, context) => configOf(image, context),
    }),
    entries: t.field({
      type: [IndexEntryType],
      description:
        'Entries of an index, usually one for each platform, in the order of the index; empty for a single image. At most 1,000.',
      complexity: { field: 5, multiplier: 10 },
      resolve: (index, _args, context) =>
        loadForBatch(index, 'children', (all) => {
          const children = new Map(all.map((one) => [one, childrenOf(one, context)]))
          // the images of all indexes are one batch
          batch([...children.values()].flat())
          return children
        }).get(index) ?? [],
    }),
  }),
})

objectType(ImageLayerType, {
  description: 'A layer of an image’s file system.',
  properties: (t) => ({
    digest: t.digest('Digest of the layer as stored in the registry, compressed or not.'),
    size: t.bigInt('Size of the layer in bytes as stored in the registry.'),
    mediaType: t.string('Media type of the layer, which states its compression.'),
  }),
})

IndexEntryType.implement({
  description: 'An entry of an index: a manifest that the index lists, with its platform.',
  fields: (t) => ({
    digest: t.field({
      type: 'Digest',
      description: 'Digest of the listed manifest.',
      resolve: ({ descriptor }) => descriptor.digest,
    }),
    mediaType: t.string({
      description: 'Media type of the listed manifest.',
      resolve: ({ descriptor }) => descriptor.mediaType,
    }),
    size: t.field({
      type: 'BigInt',
      description: 'Size of the listed manifest in bytes, without config and layers.',
      resolve: ({ descriptor }) => descriptor.size,
    }),
    platform: t.field({
      type: PlatformType,
      nullable: true,
      description:
        'Platform of the listed image; null if the index does not declare it. `unknown/unknown` marks an attestation.',
      resolve: ({ descriptor }) => descriptor.platform,
    }),
    image: t.field({
      type: ImageType,
      nullable: true,
      description: 'The listed image; null if it was not imported.',
      resolve: (child, _args, { viewer, images }) =>
        loadForBatch(child, 'image', (children) =>
          batchValues(
            images.byDigests(
              viewer,
              children.map(({ descriptor }) => descriptor.digest),
            ),
          ),
        ).get(child.descriptor.digest),
    }),
  }),
})

builder.queryField('image', (t) =>
  t.field({
    type: ImageType,
    nullable: true,
    description:
      'Returns an image by its digest; null if no image stream that the client may see has had the image.',
    access: 'view',
    example: `
      query Image($digest: Digest!) {
        image(digest: $digest) { dockerImageReference created size platform { os architecture } tags(first: 10) { nodes { name } } }
      }
    `,
    args: {
      digest: t.arg({ type: 'Digest', required: true, description: 'Digest of the image’s manifest.' }),
    },
    resolve: (_query, { digest }, { viewer, images }) => images.byDigest(viewer, digest),
  }),
)

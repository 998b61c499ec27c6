import type { Image } from '../../imagestream/image/image.ts'
import { type ImageConfig, parseImageConfig } from '../../oci/image-config.ts'
import { type Manifest, parseManifest } from '../../oci/manifest.ts'
import { batch, loadForBatch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { NodeInterface, nodeId, registerRowNode } from '../kit/node.ts'
import {
  type AnyImage,
  ImageConfigType,
  ImageLayerType,
  ImageManifestType,
  ImageType,
  PlatformType,
} from '../kit/object-types.ts'

registerRowNode('Image', (id, { images }) => images.byIds([id]).get(id))

/** The image of a tag, event, push or result, read for all that were read together with it. */
export function imageOf<Owner extends { readonly imageId: number | null }>(
  owner: Owner,
  { images }: GraphQLContext,
): Image {
  const found = loadForBatch(owner, 'image', (owners) => {
    const ids = new Set(owners.flatMap(({ imageId }) => (imageId === null ? [] : [imageId])))
    const rows = images.byIds([...ids])
    batch([...rows.values()])
    return rows
  }).get(owner.imageId ?? 0)
  if (!found) throw new Error(`image ${owner.imageId} is referred to and not there`)
  return found
}

/** The whole of an image of which there is only a summary, read for all that were read together with it. */
const wholeOf = (image: AnyImage, { images }: GraphQLContext): Image => {
  if ('mediaType' in image) return image
  const whole = loadForBatch(image, 'whole', (all) => images.byIds(all.map(({ id }) => id))).get(image.id)
  if (!whole) throw new Error(`image ${image.id} is referred to and not there`)
  return whole
}

/** The exact bytes of its manifest, read for all that were read together with it. */
export const bytesOf = (image: AnyImage, { images }: GraphQLContext): Uint8Array => {
  if ('fetched' in image) return image.fetched.bytes
  const bytes = loadForBatch(image, 'bytes', (all) => images.manifests(all.map(({ id }) => id))).get(image.id)
  if (!bytes) throw new Error(`image ${image.id} has no manifest`)
  return bytes
}

export const manifestOf = (image: AnyImage, context: GraphQLContext): Manifest =>
  'fetched' in image
    ? image.fetched.manifest
    : parseManifest(bytesOf(image, context), wholeOf(image, context).mediaType)

/** What an index lists; nothing for a single image. */
export const childrenOf = (index: AnyImage, context: GraphQLContext) => {
  const manifest = manifestOf(index, context)
  return manifest.kind === 'image' ? [] : manifest.manifests.map((descriptor) => ({ descriptor, index }))
}

/** How it is run; null for an index, and for what is no container image. */
export const configOf = (image: AnyImage, { images }: GraphQLContext): ImageConfig | null => {
  const bytes =
    'fetched' in image
      ? image.fetched.config?.bytes
      : loadForBatch(image, 'config', (all) => images.configs(all.map(({ id }) => id))).get(image.id)
  return bytes ? parseImageConfig(new TextDecoder().decode(bytes)) : null
}

ImageType.implement({
  description: 'An image, or an index of images for several platforms: immutable, and named by its digest.',
  interfaces: [NodeInterface],
  fields: (t) => ({
    id: t.id({
      description: 'Names this image among all objects.',
      resolve: ({ id }) => nodeId('Image', id),
    }),
    digest: t.expose('digest', {
      type: 'Digest',
      description: 'Digest of its manifest: its name everywhere.',
    }),
    dockerImageReference: t.string({
      description: 'Pull spec by digest of the repository in which it was first seen.',
      resolve: (image, _args, context) => wholeOf(image, context).dockerImageReference,
    }),
    mediaType: t.string({
      description: 'Media type of its manifest.',
      resolve: (image, _args, context) => wholeOf(image, context).mediaType,
    }),
    manifest: t.string({
      description: 'Its manifest: the exact bytes that hash to the digest, as text.',
      complexity: 20,
      resolve: (image, _args, context) => new TextDecoder().decode(bytesOf(image, context)),
    }),
    created: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was built, as its annotation or config says; null where that is not told.',
      resolve: (image, _args, context) => wholeOf(image, context).createdAt,
    }),
    size: t.expose('size', {
      type: 'BigInt',
      nullable: true,
      description:
        'Bytes of manifest, config and layers, each counted once; of an index with all its images, and null while they are not all known.',
    }),
    platform: t.field({
      type: PlatformType,
      nullable: true,
      description: 'Where it runs; null for an index, and for what is no container image.',
      resolve: ({ os, architecture, variant }) =>
        os && architecture ? { os, architecture, ...(variant && { variant }) } : null,
    }),
    layers: t.field({
      type: [ImageLayerType],
      description: 'Its layers, the lowest first; empty for an index.',
      complexity: 5,
      resolve: (image, _args, context) => {
        const manifest = manifestOf(image, context)
        return manifest.kind === 'image' ? manifest.layers : []
      },
    }),
    config: t.field({
      type: ImageConfigType,
      nullable: true,
      description: 'How it is run; null for an index, and for what is no container image.',
      complexity: 5,
      resolve: (image, _args, context) => configOf(image, context),
    }),
    manifests: t.field({
      type: [ImageManifestType],
      description: 'The manifests that an index lists, one a platform; empty for a single image.',
      complexity: { field: 5, multiplier: 10 },
      resolve: (index, _args, context) =>
        loadForBatch(index, 'children', (all) => {
          const children = new Map(all.map((one) => [one, childrenOf(one, context)]))
          // of many indexes, too, the images are read at once
          batch([...children.values()].flat())
          return children
        }).get(index) ?? [],
    }),
  }),
})

ImageLayerType.implement({
  description: 'One layer of an image’s file system.',
  fields: (t) => ({
    digest: t.expose('digest', { type: 'Digest', description: 'Digest of the layer as it is stored.' }),
    size: t.expose('size', { type: 'BigInt', description: 'Bytes of the layer as it is stored.' }),
    mediaType: t.exposeString('mediaType', { description: 'How it is packed.' }),
  }),
})

ImageManifestType.implement({
  description: 'One manifest that an index lists.',
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
      description: 'Bytes of the listed manifest itself.',
      resolve: ({ descriptor }) => descriptor.size,
    }),
    platform: t.field({
      type: PlatformType,
      nullable: true,
      description:
        'Where it runs; null where the index does not say. `unknown/unknown` marks an attestation.',
      resolve: ({ descriptor }) => descriptor.platform,
    }),
    image: t.field({
      type: ImageType,
      nullable: true,
      description: 'The listed image; null while it was not imported.',
      resolve: (child, _args, { images }) =>
        loadForBatch(child, 'image', (children) => {
          const found = images.byDigests(children.map(({ descriptor }) => descriptor.digest))
          batch([...found.values()])
          return found
        }).get(child.descriptor.digest),
    }),
  }),
})

builder.queryField('image', (t) =>
  t.field({
    type: ImageType,
    nullable: true,
    description: 'An image by its digest, whatever streams it is in; null where it is not known.',
    args: { digest: t.arg({ type: 'Digest', required: true, description: 'Digest of its manifest.' }) },
    resolve: (_query, { digest }, { images }) => images.byDigest(digest),
  }),
)

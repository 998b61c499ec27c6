import { ConflictError, InvalidInputError, NotFoundError } from '../imagestream/errors.ts'
import { groupBy } from '../imagestream/group-by.ts'
import type { Image } from '../imagestream/image.ts'
import { checkNamespace, checkStreamName, splitName } from '../imagestream/names.ts'
import type { Tag } from '../imagestream/tag.ts'
import { type ImageConfig, parseImageConfig } from '../oci/image-config.ts'
import { type Manifest, parseManifest } from '../oci/manifest.ts'
import { builder } from './builder.ts'
import { Connection, keyCursors, pageOf } from './connection.ts'
import { connectionArgs, pageComplexity } from './connection-type.ts'
import type { GraphQLContext } from './context.ts'
import { gatherTags, ImageStreamTagConnection } from './image-stream-tag.ts'
import { NodeInterface, nodeId, registerNode, rowId } from './node.ts'
import { gather, loadTogether } from './peers.ts'
import {
  type AnyImage,
  ImageConfigType,
  ImageLayerType,
  ImageManifestType,
  ImageStreamImageType,
  ImageStreamType,
  ImageType,
  KeyValueType,
  PlatformType,
} from './types.ts'

registerNode('Image', (key, { images }) => {
  const id = rowId(key)
  return id === undefined ? undefined : images.byIds([id]).get(id)
})

/** The image of a tag, event, push or result, read for all that were read together with it. */
export function imageOf<Owner extends { readonly imageId: number | null }>(
  owner: Owner,
  { images }: GraphQLContext,
): Image {
  const found = loadTogether(owner, 'image', (owners) => {
    const ids = new Set(owners.flatMap(({ imageId }) => (imageId === null ? [] : [imageId])))
    const rows = images.byIds([...ids])
    gather([...rows.values()])
    return rows
  }).get(owner.imageId ?? 0)
  if (!found) throw new Error(`image ${owner.imageId} is referred to and not there`)
  return found
}

/** The whole of an image of which there is only a summary, read for all that were read together with it. */
const wholeOf = (image: AnyImage, { images }: GraphQLContext): Image => {
  if ('mediaType' in image) return image
  const whole = loadTogether(image, 'whole', (all) => images.byIds(all.map(({ id }) => id))).get(image.id)
  if (!whole) throw new Error(`image ${image.id} is referred to and not there`)
  return whole
}

const bytesOf = (image: AnyImage, { images }: GraphQLContext): Uint8Array => {
  if ('fetched' in image) return image.fetched.bytes
  const bytes = loadTogether(image, 'bytes', (all) => images.manifests(all.map(({ id }) => id))).get(image.id)
  if (!bytes) throw new Error(`image ${image.id} has no manifest`)
  return bytes
}

const manifestOf = (image: AnyImage, context: GraphQLContext): Manifest =>
  'fetched' in image
    ? image.fetched.manifest
    : parseManifest(bytesOf(image, context), wholeOf(image, context).mediaType)

const configOf = (image: AnyImage, { images }: GraphQLContext): ImageConfig | null => {
  const bytes =
    'fetched' in image
      ? image.fetched.config?.bytes
      : loadTogether(image, 'config', (all) => images.configs(all.map(({ id }) => id))).get(image.id)
  return bytes ? parseImageConfig(new TextDecoder().decode(bytes)) : null
}

const tagCursors = keyCursors<Tag>('image tags', ({ id }) => [id])

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
      resolve: (index, _args, context) => {
        const manifest = manifestOf(index, context)
        if (manifest.kind === 'image') return []
        return gather(manifest.manifests.map((descriptor) => ({ descriptor, index })))
      },
    }),
    tags: t.field({
      type: ImageStreamTagConnection,
      description: 'Every tag that means this image now, in any stream.',
      args: connectionArgs,
      complexity: pageComplexity,
      resolve: (image, args, { tags }, info) => {
        const page = pageOf(args, tagCursors, info)
        return new Connection({
          page,
          cursors: tagCursors,
          rows: () =>
            loadTogether(image, `tags ${JSON.stringify(page)}`, (all) =>
              groupBy(
                gatherTags(
                  tags.ofImages(
                    all.map(({ id }) => id),
                    page,
                  ),
                ),
                (tag) => tag.image?.id,
              ),
            ).get(image.id) ?? [],
          totalCount: () =>
            loadTogether(image, 'tag count', (all) => tags.countOfImages(all.map(({ id }) => id))).get(
              image.id,
            ) ?? 0,
        })
      },
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
        loadTogether(child, 'image', (children) => {
          const found = images.byDigests(children.map(({ descriptor }) => descriptor.digest))
          gather([...found.values()])
          return found
        }).get(child.descriptor.digest),
    }),
  }),
})

PlatformType.implement({
  description: 'What an image runs on.',
  fields: (t) => ({
    os: t.exposeString('os', { description: 'Operating system: `linux`.' }),
    architecture: t.exposeString('architecture', {
      description: 'Processor architecture: `amd64`, `arm64`.',
    }),
    variant: t.string({
      nullable: true,
      description: 'Version of the architecture: `v7`.',
      resolve: ({ variant }) => variant,
    }),
  }),
})

ImageConfigType.implement({
  description: 'How an image is run, unless a workload says otherwise.',
  fields: (t) => ({
    user: t.exposeString('user', { nullable: true, description: 'User, and group, to run as.' }),
    workingDir: t.exposeString('workingDir', { nullable: true, description: 'Directory to start in.' }),
    env: t.field({
      type: ['String'],
      description: 'Environment, as `NAME=value`.',
      resolve: ({ env }) => env,
    }),
    entrypoint: t.field({
      type: ['String'],
      nullable: true,
      description: 'Program to start, with its first arguments.',
      resolve: ({ entrypoint }) => entrypoint,
    }),
    cmd: t.field({
      type: ['String'],
      nullable: true,
      description: 'Arguments of the entrypoint, or the program where there is none.',
      resolve: ({ cmd }) => cmd,
    }),
    exposedPorts: t.field({
      type: ['String'],
      description: 'Ports that it listens on: `8080/tcp`.',
      resolve: ({ exposedPorts }) => exposedPorts,
    }),
    volumes: t.field({
      type: ['String'],
      description: 'Directories that hold what outlives a container.',
      resolve: ({ volumes }) => volumes,
    }),
    labels: t.field({
      type: [KeyValueType],
      description: 'Labels of the image.',
      resolve: ({ labels }) => Object.entries(labels).map(([key, value]) => ({ key, value })),
    }),
    stopSignal: t.exposeString('stopSignal', { nullable: true, description: 'Signal that asks it to stop.' }),
  }),
})

ImageStreamImageType.implement({
  description: 'An image in the history of a stream.',
  fields: (t) => ({
    name: t.string({
      description: 'Stream and digest: `ruby@sha256:…`.',
      resolve: ({ stream, image }) => `${stream.name}@${image.digest}`,
    }),
    imageStream: t.field({
      type: ImageStreamType,
      description: 'The stream whose history has it.',
      resolve: ({ stream }) => stream,
    }),
    image: t.field({
      type: ImageType,
      description: 'The image that the digest names.',
      resolve: ({ image }) => image,
    }),
  }),
})

/** Candidates that an ambiguous name is answered with. */
const MAX_CANDIDATES = 10

builder.queryFields((t) => ({
  image: t.field({
    type: ImageType,
    nullable: true,
    description: 'An image by its digest, whatever streams it is in; null where it is not known.',
    args: { digest: t.arg({ type: 'Digest', required: true, description: 'Digest of its manifest.' }) },
    resolve: (_query, { digest }, { images }) => images.byDigest(digest),
  }),
  imageStreamImage: t.field({
    type: ImageStreamImageType,
    nullable: true,
    description:
      'An image in the history of a stream, by its digest or a unique beginning of it; null where there is no such stream.',
    args: {
      namespace: t.arg.string({
        required: true,
        defaultValue: 'default',
        description: 'Namespace of the stream.',
      }),
      name: t.arg.string({ required: true, description: 'Stream and digest: `ruby@sha256:4f3c`.' }),
    },
    resolve: (_query, { namespace, name }, { streams, tags, images }) => {
      const parts = splitName(name)
      if (!('digest' in parts) || !/^sha(?:256|512):[0-9a-f]{1,128}$/.test(parts.digest)) {
        throw new InvalidInputError(
          'name',
          `"${name}" is not a stream and the beginning of a digest: ruby@sha256:4f3c`,
        )
      }
      checkNamespace(namespace)
      checkStreamName(namespace, parts.stream)
      const stream = streams.byName(namespace, parts.stream)
      if (!stream) return null
      const found = tags.digestsInHistory(stream.id, parts.digest, MAX_CANDIDATES)
      const [only] = found
      if (!only) throw new NotFoundError(`${namespace}/${parts.stream} never had an image ${parts.digest}`)
      if (found.length > 1) {
        throw new ConflictError(
          `"${name}" may mean ${found.map(({ digest }) => digest).join(', ')}: give more of the digest`,
        )
      }
      const image = images.byIds([only.imageId]).get(only.imageId)
      return image ? { stream, image } : null
    },
  }),
}))

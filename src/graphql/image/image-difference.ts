import { type Image, platformOf } from '../../imagestream/image/image.ts'
import {
  environmentChanges,
  type LayerDifference,
  labelChanges,
  layerDifference,
  type PlatformPair,
  pairByPlatform,
  settingChanges,
} from '../../imagestream/image/image-difference.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { ImageConfig } from '../../oci/image-config.ts'
import { isIndexType } from '../../oci/media-types.ts'
import { batch, loadForBatch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { ImageType, IndexEntryType, PlatformType } from '../kit/references.ts'
import { objectType } from '../kit/types.ts'
import { bytesOf, childrenOf, configOf, manifestOf } from './image-content.ts'
import { LayerDifferenceType, SettingChangeType, ValueChangeType } from './image-difference-parts.ts'
import { imageWithName } from './image-with-name.ts'

/** Two images to compare. Each field of the difference is computed when it is selected. */
interface ComparedImages {
  readonly from: Image
  readonly to: Image
}

/** A manifest for one platform, with the index that lists it; `index` is the image itself if it is not an index. */
interface Child {
  readonly descriptor: Descriptor
  readonly index: Image
}

interface ComparedPlatform extends PlatformPair<Child> {
  /** Null if only one side has an image for the platform, or one of the images was not imported. */
  readonly difference: ComparedImages | null
}

const isIndex = ({ mediaType }: Image): boolean => isIndexType(mediaType)

/** Reports whether the images can only be compared by platform. */
const isByPlatform = ({ from, to }: ComparedImages): boolean => isIndex(from) || isIndex(to)

const layersOf = (image: Image, context: GraphQLContext): readonly Descriptor[] => {
  const manifest = manifestOf(image, context)
  return manifest.kind === 'image' ? manifest.layers : []
}

const compareLayers = (compared: ComparedImages, context: GraphQLContext): LayerDifference =>
  isByPlatform(compared)
    ? layerDifference([], [])
    : layerDifference(layersOf(compared.from, context), layersOf(compared.to, context))

type Configs = readonly [from: ImageConfig | null, to: ImageConfig | null]

// three fields need them, and a config may have megabytes
const configsOf = (compared: ComparedImages, context: GraphQLContext): Configs =>
  loadForBatch(compared, 'configs', () =>
    isByPlatform(compared)
      ? [null, null]
      : [configOf(compared.from, context), configOf(compared.to, context)],
  )

function manifestsOf(image: Image, context: GraphQLContext): readonly Child[] {
  if (isIndex(image)) {
    return childrenOf(image, context).map(({ descriptor }) => ({ descriptor, index: image }))
  }
  const { digest, mediaType } = image
  const size = bytesOf(image, context).byteLength
  const platform = platformOf(image)
  return [
    { index: image, descriptor: { digest, mediaType, size, annotations: {}, ...(platform && { platform }) } },
  ]
}

function comparePlatforms(compared: ComparedImages, context: GraphQLContext): readonly ComparedPlatform[] {
  if (!isByPlatform(compared)) return []
  const pairs = pairByPlatform(manifestsOf(compared.from, context), manifestsOf(compared.to, context))
  const children = pairs.flatMap(({ from, to }) => [from, to]).filter((child) => child !== null)
  const known = context.images.byDigests(
    context.viewer,
    children.map(({ descriptor }) => descriptor.digest),
  )
  batch(children)
  batch([...known.values()])
  const imageOf = (child: Child | null) => child && known.get(child.descriptor.digest)
  return pairs.map((pair) => {
    const [before, after] = [imageOf(pair.from), imageOf(pair.to)]
    return { ...pair, difference: before && after ? { from: before, to: after } : null }
  })
}

const IMAGE_NAME =
  'its digest, a tag as `ruby:3.3`, or an image of a history as `ruby@sha256:4f3c`; with the namespace as `team/app:v1`.'

const ImageDifferenceType = builder.objectRef<ComparedImages>('ImageDifference')

const PlatformDifferenceType = objectType<ComparedPlatform>('PlatformDifference', {
  description: 'Images of one platform in two images of which at least one is an index.',
  properties: (t) => ({
    platform: t.oneOrNull(PlatformType, 'The platform; null if the index does not declare it.'),
    from: t.oneOrNull(IndexEntryType, 'Entry of `from` for the platform; null if `from` has none.'),
    to: t.oneOrNull(IndexEntryType, 'Entry of `to` for the platform; null if `to` has none.'),
    difference: t.oneOrNull(
      ImageDifferenceType,
      'Difference of the two images. Null if one side has no manifest for the platform, or its image was not imported.',
    ),
  }),
  fields: (t) => ({
    isChanged: t.boolean({
      description:
        'Whether the manifests differ, or only one of `from` and `to` has a manifest for the platform.',
      resolve: ({ from, to }) => from?.descriptor.digest !== to?.descriptor.digest,
    }),
  }),
})

objectType(ImageDifferenceType, {
  description:
    'Difference between two images. An index has no layers and no config: if one of the images is an index, `platforms` compares them by platform, and `layers`, `env`, `labels` and `settings` are empty.',
  properties: (t) => ({
    from: t.one(ImageType, 'The first image.'),
    to: t.one(ImageType, 'The second image.'),
  }),
  fields: (t) => ({
    sizeDifference: t.field({
      type: 'BigInt',
      nullable: true,
      description:
        'Size of `to` minus size of `from` in bytes; negative if `to` is smaller. Null if one of the sizes is unknown.',
      resolve: ({ from, to }) => (from.size === null || to.size === null ? null : to.size - from.size),
    }),
    layers: t.field({
      type: LayerDifferenceType,
      description: 'Shared, removed and added layers; all empty if one of the images is an index.',
      complexity: 5,
      resolve: (compared, _args, context) => compareLayers(compared, context),
    }),
    env: t.field({
      type: [ValueChangeType],
      description:
        'Environment variables that were added, removed or changed, ordered by name; at most those of both configs.',
      complexity: 5,
      resolve: (compared, _args, context) => environmentChanges(...configsOf(compared, context)),
    }),
    labels: t.field({
      type: [ValueChangeType],
      description:
        'Labels that were added, removed or changed, ordered by key; at most those of both configs.',
      complexity: 5,
      resolve: (compared, _args, context) => labelChanges(...configsOf(compared, context)),
    }),
    settings: t.field({
      type: [SettingChangeType],
      description:
        'Other settings of the config that differ, for example the entrypoint or the user; at most one for each setting.',
      complexity: 5,
      resolve: (compared, _args, context) => settingChanges(...configsOf(compared, context)),
    }),
    platforms: t.field({
      type: [PlatformDifferenceType],
      description:
        'Comparison by platform if at least one of the images is an index, otherwise empty: first the platforms of `to` in their order, then those that only `from` has. A single image counts as an index with one manifest. Attestations are omitted. At most 2,000.',
      complexity: { field: 20, multiplier: 10 },
      resolve: (compared, _args, context) => comparePlatforms(compared, context),
    }),
  }),
})

builder.queryField('imageDifference', (t) =>
  t.field({
    type: ImageDifferenceType,
    nullable: true,
    description:
      'Returns the difference between two images; null if this server has no record of one of them.',
    access: 'view',
    example: `
      # What a new version changes: packages are in its layers, settings in its config.
      query ImageDifference {
        imageDifference(from: "ruby:3.4-slim", to: "ruby:latest") {
          sizeDifference
          env { key from to }
          layers { added { digest size } removed { digest size } }
        }
      }
    `,
    args: {
      from: t.arg.string({
        required: true,
        description: `The first image, for example the older one: ${IMAGE_NAME}`,
      }),
      to: t.arg.string({
        required: true,
        description: `The second image, for example the newer one: ${IMAGE_NAME}`,
      }),
    },
    resolve: (_query, { from, to }, context) => {
      const [before, after] = [imageWithName(from, 'from', context), imageWithName(to, 'to', context)]
      if (!before || !after) return null
      batch([before, after])
      return { from: before, to: after }
    },
  }),
)

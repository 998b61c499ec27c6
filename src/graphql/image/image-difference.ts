import type { Image } from '../../imagestream/image/image.ts'
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
import { ImageManifestType, ImageType, PlatformType } from '../kit/object-types.ts'
import { bytesOf, childrenOf, configOf, manifestOf } from './image.ts'
import { LayerDifferenceType, SettingChangeType, ValueChangeType } from './image-difference-parts.ts'

/** Two images that are compared; what differs is worked out as it is asked. */
interface Compared {
  readonly from: Image
  readonly to: Image
}

/** A manifest for one platform, with the index that lists it, or the single image that it is. */
interface Child {
  readonly descriptor: Descriptor
  readonly index: Image
}

interface ComparedPlatform extends PlatformPair<Child> {
  /** Null where only one side has an image for the platform, or one of them was not imported. */
  readonly difference: Compared | null
}

const isIndex = ({ mediaType }: Image): boolean => isIndexType(mediaType)

/** Whether there is no more to compare than the images for each platform. */
const isByPlatform = ({ from, to }: Compared): boolean => isIndex(from) || isIndex(to)

const layersOf = (image: Image, context: GraphQLContext): readonly Descriptor[] => {
  const manifest = manifestOf(image, context)
  return manifest.kind === 'image' ? manifest.layers : []
}

const compareLayers = (compared: Compared, context: GraphQLContext): LayerDifference =>
  isByPlatform(compared)
    ? layerDifference([], [])
    : layerDifference(layersOf(compared.from, context), layersOf(compared.to, context))

type Configs = readonly [from: ImageConfig | null, to: ImageConfig | null]

// three fields ask for them, and a config may have megabytes
const configsOf = (compared: Compared, context: GraphQLContext): Configs =>
  loadForBatch(compared, 'configs', () =>
    isByPlatform(compared)
      ? [null, null]
      : [configOf(compared.from, context), configOf(compared.to, context)],
  )

function manifestsOf(image: Image, context: GraphQLContext): readonly Child[] {
  if (isIndex(image)) {
    return childrenOf(image, context).map(({ descriptor }) => ({ descriptor, index: image }))
  }
  const { digest, mediaType, os, architecture, variant } = image
  const size = bytesOf(image, context).byteLength
  const platform = os && architecture ? { os, architecture, ...(variant && { variant }) } : undefined
  return [
    { index: image, descriptor: { digest, mediaType, size, annotations: {}, ...(platform && { platform }) } },
  ]
}

function comparePlatforms(compared: Compared, context: GraphQLContext): readonly ComparedPlatform[] {
  if (!isByPlatform(compared)) return []
  const pairs = pairByPlatform(manifestsOf(compared.from, context), manifestsOf(compared.to, context))
  const children = pairs.flatMap(({ from, to }) => [from, to]).filter((child) => child !== null)
  const known = context.images.byDigests(children.map(({ descriptor }) => descriptor.digest))
  batch(children)
  batch([...known.values()])
  const imageOf = (child: Child | null) => child && known.get(child.descriptor.digest)
  return pairs.map((pair) => {
    const [before, after] = [imageOf(pair.from), imageOf(pair.to)]
    return { ...pair, difference: before && after ? { from: before, to: after } : null }
  })
}

const ImageDifferenceType = builder.objectRef<Compared>('ImageDifference')

const PlatformDifferenceType = builder.objectRef<ComparedPlatform>('PlatformDifference').implement({
  description: 'What two images, of which one is an index or both are, have for one platform.',
  fields: (t) => ({
    platform: t.field({
      type: PlatformType,
      nullable: true,
      description: 'The platform; null where an index does not say.',
      resolve: ({ platform }) => platform,
    }),
    from: t.field({
      type: ImageManifestType,
      nullable: true,
      description: 'What `from` has for it; null where it has nothing.',
      resolve: ({ from }) => from,
    }),
    to: t.field({
      type: ImageManifestType,
      nullable: true,
      description: 'What `to` has for it; null where it has nothing.',
      resolve: ({ to }) => to,
    }),
    isChanged: t.boolean({
      description: 'Whether it is another image, or one side has none.',
      resolve: ({ from, to }) => from?.descriptor.digest !== to?.descriptor.digest,
    }),
    difference: t.field({
      type: ImageDifferenceType,
      nullable: true,
      description: 'How the two differ; null where one side has no image, or one that was not imported.',
      resolve: ({ difference }) => difference,
    }),
  }),
})

ImageDifferenceType.implement({
  description:
    'How one image differs from another. An index has no layers or config of its own: where one of the two is an index, they are compared platform by platform, and nothing else is said but the sizes.',
  fields: (t) => ({
    from: t.field({
      type: ImageType,
      description: 'The image that is compared.',
      resolve: ({ from }) => from,
    }),
    to: t.field({
      type: ImageType,
      description: 'The image that it is compared to.',
      resolve: ({ to }) => to,
    }),
    sizeDifference: t.field({
      type: 'BigInt',
      nullable: true,
      description:
        'Bytes by which `to` is larger, below zero where it is smaller; null while one size is unknown.',
      resolve: ({ from, to }) => (from.size === null || to.size === null ? null : to.size - from.size),
    }),
    layers: t.field({
      type: LayerDifferenceType,
      description: 'Which layers they share and which they do not; none where one of the two is an index.',
      complexity: 5,
      resolve: (compared, _args, context) => compareLayers(compared, context),
    }),
    env: t.field({
      type: [ValueChangeType],
      description: 'Variables of the environment that were added, removed or changed, by name.',
      complexity: 5,
      resolve: (compared, _args, context) => environmentChanges(...configsOf(compared, context)),
    }),
    labels: t.field({
      type: [ValueChangeType],
      description: 'Labels that were added, removed or changed, by key.',
      complexity: 5,
      resolve: (compared, _args, context) => labelChanges(...configsOf(compared, context)),
    }),
    settings: t.field({
      type: [SettingChangeType],
      description: 'What else of the config is different: entrypoint, user and the like.',
      complexity: 5,
      resolve: (compared, _args, context) => settingChanges(...configsOf(compared, context)),
    }),
    platforms: t.field({
      type: [PlatformDifferenceType],
      description:
        'Platform by platform, where one of the two is an index or both are: first those of `to` in its order, then those that only `from` has. A single image counts as an index of one. Attestations are left out.',
      complexity: { field: 20, multiplier: 10 },
      resolve: (compared, _args, context) => comparePlatforms(compared, context),
    }),
  }),
})

builder.queryField('imageDifference', (t) =>
  t.field({
    type: ImageDifferenceType,
    nullable: true,
    description: 'How two images differ; null where one of them is not known.',
    args: {
      from: t.arg({ type: 'Digest', required: true, description: 'Digest of the older image, say.' }),
      to: t.arg({ type: 'Digest', required: true, description: 'Digest of the newer image, say.' }),
    },
    resolve: (_query, { from, to }, { images }) => {
      const found = images.byDigests([from, to])
      const [before, after] = [found.get(from), found.get(to)]
      if (!before || !after) return null
      batch([...found.values()])
      return { from: before, to: after }
    },
  }),
)

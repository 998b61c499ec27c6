import {
  changedPlatforms,
  imagesOfIndex,
  type PlatformImage,
  readPlatforms,
} from '../../imagestream/image/changed-platforms.ts'
import { type Image, platformOf, type TransientImage } from '../../imagestream/image/image.ts'
import type { ImportResult } from '../../imagestream/stored-import/import-state.ts'
import type { TagEvent } from '../../imagestream/tag/tag-event.ts'
import type { Platform } from '../../oci/descriptor.ts'
import { isIndexType } from '../../oci/media-types.ts'
import { imageOf, manifestOf } from '../image/image-content.ts'
import { batchValues, loadById, loadForBatch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { ImagePushType, ImportResultType, PlatformType, TagEventType } from '../kit/references.ts'
import { previousImageOf } from './image-push.ts'

type WholeImage = Image | TransientImage

function platformImages(image: WholeImage, context: GraphQLContext): readonly PlatformImage[] {
  if (isIndexType(image.mediaType)) {
    const manifest = manifestOf(image, context)
    return manifest.kind === 'index' ? imagesOfIndex(manifest.manifests) : []
  }
  return [{ digest: image.digest, platform: platformOf(image) }]
}

const between = (
  from: WholeImage | null | undefined,
  to: WholeImage,
  context: GraphQLContext,
): readonly Platform[] | null =>
  from ? changedPlatforms(platformImages(from, context), platformImages(to, context)) : null

/** Returns the image that the tag pointed to before an entry of its history, loaded for the entry's batch. */
function imageBefore(event: Pick<TagEvent, 'id'>, { lookBack, images }: GraphQLContext): Image | undefined {
  return loadById(event, 'image before', (ids) => {
    const before = lookBack.imagesBefore(ids)
    const rows = batchValues(images.byIds([...new Set(before.values())]))
    return new Map([...before].map(([id, imageId]) => [id, rows.get(imageId)]))
  })
}

/** Returns the image that the tag pointed to before an import's result, loaded for the result's batch. */
function resultBefore(result: ImportResult, { lookBack, images }: GraphQLContext): Image | undefined {
  const found = loadForBatch(result, 'image before', (results) => {
    const before = lookBack.imagesBefore(results.flatMap(({ eventId }) => eventId ?? []))
    const dryRun = results.flatMap(({ previousImageId }) => previousImageId ?? [])
    const rows = batchValues(images.byIds([...new Set([...before.values(), ...dryRun])]))
    return { before, rows }
  })
  const imageId = found.before.get(result.eventId ?? 0) ?? result.previousImageId
  return imageId == null ? undefined : found.rows.get(imageId)
}

function changedBy(result: ImportResult, context: GraphQLContext): readonly Platform[] | null {
  if (result.state === 'FAILED') return null
  if (result.state === 'UNCHANGED') {
    if (result.reindexed === undefined) return []
    return result.reindexed === null ? null : readPlatforms(result.reindexed)
  }
  const image = result.image ?? (result.imageId === null ? null : imageOf(result, context))
  return image && between(resultBefore(result, context), image, context)
}

/** End of each description of `changedPlatforms`. */
const RULE =
  'Empty if only the index differs and none of its images. Null if it is unknown, for example for a first image. Attestations are ignored. At most one for each entry of the two indexes.'
// each reads two manifests
const complexity = { field: 20, multiplier: 5 }

builder.objectField(ImagePushType, 'changedPlatforms', (t) =>
  t.field({
    type: [PlatformType],
    nullable: true,
    description: `Platforms for which the tag’s image differs from \`previousImage\`, or that only one of the two images has. ${RULE}`,
    complexity,
    resolve: (push, _args, context) =>
      between(previousImageOf(push, context), imageOf(push, context), context),
  }),
)

builder.objectField(TagEventType, 'changedPlatforms', (t) =>
  t.field({
    type: [PlatformType],
    nullable: true,
    description: `Platforms for which the image of the entry differs from the image of the previous entry, or that only one of the two images has. ${RULE}`,
    complexity,
    resolve: (event, _args, context) =>
      between(imageBefore(event, context), imageOf(event, context), context),
  }),
)

builder.objectFields(ImportResultType, (t) => ({
  hasIndexChanged: t.boolean({
    description:
      'Whether the registry has another index for the tag although the image taken from the index is the same; only for state `UNCHANGED`. `changedPlatforms` lists the other platforms that changed.',
    resolve: ({ reindexed }) => reindexed !== undefined,
  }),
  changedPlatforms: t.field({
    type: [PlatformType],
    nullable: true,
    description: `Platforms for which the registry has another image for the tag than before: for state \`IMPORTED\`, compared to the previous image; for state \`UNCHANGED\`, compared to the previous index. ${RULE}`,
    complexity,
    resolve: (result, _args, context) => changedBy(result, context),
  }),
}))

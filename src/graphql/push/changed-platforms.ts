import {
  changedPlatforms,
  imagesOfIndex,
  type PlatformImage,
  readPlatforms,
} from '../../imagestream/image/changed-platforms.ts'
import type { Image, TransientImage } from '../../imagestream/image/image.ts'
import type { ImportResult } from '../../imagestream/request/import-rows.ts'
import type { TagEvent } from '../../imagestream/tag/tag-event.ts'
import { isIndexType } from '../../oci/media-types.ts'
import type { Platform } from '../../oci/platform.ts'
import { imageOf, manifestOf } from '../image/image.ts'
import { batch, loadForBatch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { ImagePushType, ImportResultType, PlatformType, TagEventType } from '../kit/object-types.ts'
import { previousImageOf } from './image-push.ts'

type WholeImage = Image | TransientImage

function platformImages(image: WholeImage, context: GraphQLContext): readonly PlatformImage[] {
  const { digest, mediaType, os, architecture, variant } = image
  if (isIndexType(mediaType)) {
    const manifest = manifestOf(image, context)
    return manifest.kind === 'index' ? imagesOfIndex(manifest.manifests) : []
  }
  const platform = os && architecture ? { os, architecture, ...(variant && { variant }) } : undefined
  return [{ digest, platform }]
}

const between = (
  from: WholeImage | null | undefined,
  to: WholeImage,
  context: GraphQLContext,
): readonly Platform[] | null =>
  from ? changedPlatforms(platformImages(from, context), platformImages(to, context)) : null

/** What the tag meant before an entry of its history, read for all that were read together with it. */
function imageBefore(event: Pick<TagEvent, 'id'>, { lookBack, images }: GraphQLContext): Image | undefined {
  const found = loadForBatch(event, 'image before', (events) => {
    const before = lookBack.imagesBefore(events.map(({ id }) => id))
    const rows = images.byIds([...new Set(before.values())])
    batch([...rows.values()])
    return new Map([...before].map(([id, imageId]) => [id, rows.get(imageId)]))
  })
  return found.get(event.id)
}

/** The same of a result, whose event it is. */
function resultBefore(result: ImportResult, { lookBack, images }: GraphQLContext): Image | undefined {
  const found = loadForBatch(result, 'image before', (results) => {
    const before = lookBack.imagesBefore(results.flatMap(({ eventId }) => eventId ?? []))
    const dryRun = results.flatMap(({ previousImageId }) => previousImageId ?? [])
    const rows = images.byIds([...new Set([...before.values(), ...dryRun])])
    batch([...rows.values()])
    return { before, rows }
  })
  return found.rows.get(found.before.get(result.eventId ?? 0) ?? result.previousImageId ?? 0)
}

function changedBy(result: ImportResult, context: GraphQLContext): readonly Platform[] | null {
  if (result.state === 'FAILED') return null
  if (result.state === 'UNCHANGED') {
    return result.reindexed == null
      ? result.reindexed === null
        ? null
        : []
      : readPlatforms(result.reindexed)
  }
  const image = result.image ?? (result.imageId === null ? null : imageOf(result, context))
  return image && between(resultBefore(result, context), image, context)
}

const RULE =
  'Empty where an index is another and none of its images is; null where that is not known, as for a first image. Attestations count for nothing.'
// two manifests are read for each
const complexity = { field: 20, multiplier: 5 }

builder.objectField(ImagePushType, 'changedPlatforms', (t) =>
  t.field({
    type: [PlatformType],
    nullable: true,
    description: `The platforms for which the tag has another image than \`previousImage\` has, or only one of the two has any. ${RULE}`,
    complexity,
    resolve: (push, _args, context) =>
      between(previousImageOf(push, context), imageOf(push, context), context),
  }),
)

builder.objectField(TagEventType, 'changedPlatforms', (t) =>
  t.field({
    type: [PlatformType],
    nullable: true,
    description: `The platforms for which this entry has another image than the entry before it, or only one of the two has any. ${RULE}`,
    complexity,
    resolve: (event, _args, context) =>
      between(imageBefore(event, context), imageOf(event, context), context),
  }),
)

builder.objectFields(ImportResultType, (t) => ({
  indexChanged: t.boolean({
    description:
      'Of an `UNCHANGED` tag: whether the registry has another index under it now, of which the image that is taken is the same. `changedPlatforms` says what else is another.',
    resolve: ({ reindexed }) => reindexed !== undefined,
  }),
  changedPlatforms: t.field({
    type: [PlatformType],
    nullable: true,
    description: `The platforms for which the registry has another image under the tag than before: of \`IMPORTED\`, as the image is compared to the one before; of \`UNCHANGED\`, in the index that the image is taken of. ${RULE}`,
    complexity,
    resolve: (result, _args, context) => changedBy(result, context),
  }),
}))

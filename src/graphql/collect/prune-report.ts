import type {
  EventPosition,
  KeptImage,
  PrunedEvent,
  PrunedImage,
  PruneReport,
} from '../../collect/images/report.ts'
import { keyCursors } from '../kit/connection.ts'
import { ImageType } from '../kit/references.ts'
import { enumType, objectType } from '../kit/types.ts'
import { reportList, reportListType } from './report-list.ts'

const KeptImageReasonEnum = enumType('KeptImageReason', {
  description:
    'Reason why `pruneImages` keeps an image. If several apply, the first in this order is reported.',
  values: {
    TAGGED: 'A tag points to the image.',
    IN_HISTORY: 'An entry of a tag’s history that is kept has the image.',
    IN_REPOSITORY:
      'A repository of the integrated registry contains the image; `collectGarbage` decides whether to remove it there.',
    IN_PUSH_LOG: 'The push log contains the image, as the new or as the previous image of a tag.',
    YOUNG: 'The image was stored a short time ago, or the time at which it was stored is unknown.',
    IMPORTED:
      'The image was only imported, and the prune removes only images that were pushed (`all: false`).',
    CHILD: 'An index that is kept lists the image.',
    CHOSEN_FROM: 'The image is the index from which a tag’s image was chosen.',
  },
})

const PrunedTagEventType = objectType<PrunedEvent>('PrunedTagEvent', {
  description: 'An entry of a tag’s history that is removed.',
  properties: (t) => ({
    namespace: t.string('Namespace of the image stream.'),
    imageStreamName: t.string('Name of the image stream.'),
    tag: t.string('Name of the tag whose history contains the entry.'),
    dockerImageReference: t.string('Pull spec by digest of the image that the tag pointed to.'),
  }),
  fields: (t) => ({
    created: t.expose('createdAt', {
      type: 'DateTime',
      description: 'Time from which the tag pointed to the image.',
    }),
  }),
})

const PrunedImageType = objectType<PrunedImage | KeptImage>('PrunedImage', {
  description: 'An image, with the reason why `pruneImages` keeps the image, if any.',
  properties: (t) => ({
    digest: t.digest('Digest of the image.'),
    size: t.bigInt('Size of the image’s manifest in bytes.'),
  }),
  fields: (t) => ({
    image: t.field({
      type: ImageType,
      nullable: true,
      description: 'The image; null if it has been removed.',
      resolve: ({ digest }, _args, { images }) => images.byDigest(digest),
    }),
    keptBecause: t.field({
      type: KeptImageReasonEnum,
      nullable: true,
      description: 'Reason why the image is kept; null if the image is removed.',
      resolve: (image) => ('keptBecause' in image ? image.keptBecause : null),
    }),
  }),
})

const PrunedTagEventsType = reportListType('PrunedTagEvents', PrunedTagEventType, {
  items: 'entries',
  description: 'Entries of tags’ histories in a prune report, ordered by tag and age.',
})

const PrunedImagesType = reportListType('PrunedImages', PrunedImageType, {
  items: 'images',
  description: 'Images in a prune report, in the order in which the server first stored them.',
})

const KeptImageCountType = objectType<{
  readonly reason: keyof PruneReport['reasons']
  readonly count: number
}>('KeptImageCount', {
  description: 'Number of images that are kept for one reason.',
  properties: (t) => ({
    reason: t.one(KeptImageReasonEnum, 'Reason why the images are kept.'),
    count: t.int('Number of images that are kept for this reason.'),
  }),
})

const eventCursors = keyCursors<EventPosition>('pruned tag events', ({ tagId, id }) => [tagId, id], [
  'number',
  'number',
])
const imageCursors = keyCursors<PrunedImage>('pruned images', ({ id }) => [id])

/** Returns the position of a cursor in the list of events. Throws InvalidInputError, with this `field`. */
export function eventPosition(cursor: string | null | undefined, field: string): EventPosition | undefined {
  if (cursor == null) return undefined
  const [tagId, id] = eventCursors.decode(cursor, field)
  return { tagId: Number(tagId), id: Number(id) }
}

/** Returns the position of a cursor in a list of images. Throws InvalidInputError, with this `field`. */
export const imagePosition = (cursor: string | null | undefined, field: string): number | undefined =>
  cursor == null ? undefined : Number(imageCursors.decode(cursor, field)[0])

export const PruneReportType = objectType<PruneReport>('PruneReport', {
  description: 'What a prune of images removes, or would remove in a dry run, and what it keeps.',
  properties: (t) => ({
    streams: t.int(
      'Number of deleted image streams that are removed for good: they can no longer be restored.',
    ),
    configs: t.int('Number of image configs that are removed because no remaining image uses them.'),
    bytes: t.bigInt('Size in bytes of the manifests and configs that are removed from the database.'),
    repositoryManifests: t.int(
      'Number of manifests in repositories of the integrated registry that no tag’s history contains any longer. `collectGarbage` frees their content if its settings allow it.',
    ),
  }),
  fields: (t) => ({
    events: t.field({
      type: PrunedTagEventsType,
      description: 'Entries of tags’ histories that are removed.',
      resolve: ({ events }) => reportList<PrunedEvent>(events, eventCursors.encode),
    }),
    images: t.field({
      type: PrunedImagesType,
      description: 'Images that are removed.',
      resolve: ({ images }) => reportList<PrunedImage | KeptImage>(images, imageCursors.encode),
    }),
    kept: t.field({
      type: PrunedImagesType,
      description: 'Images that are kept, each with the reason.',
      resolve: ({ kept }) => reportList<PrunedImage | KeptImage>(kept, imageCursors.encode),
    }),
    keptCounts: t.field({
      type: [KeptImageCountType],
      description: 'Number of images that are kept, for each reason.',
      resolve: ({ reasons }) =>
        Object.entries(reasons).map(([reason, count]) => ({ reason: reason as keyof typeof reasons, count })),
    }),
  }),
})

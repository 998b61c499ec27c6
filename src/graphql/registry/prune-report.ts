import type {
  EventPosition,
  KeptImage,
  PrunedEvent,
  PrunedImage,
  PruneReport,
} from '../../collect/images/report.ts'
import { builder } from '../kit/builder.ts'
import { keyCursors } from '../kit/connection.ts'
import { ImageType } from '../kit/object-types.ts'
import { reportList, reportListType } from './report-list.ts'

const KeptImageReasonEnum = builder.enumType('KeptImageReason', {
  description:
    'Reason why `pruneImages` keeps an image. If several apply, the first in this order is reported.',
  values: {
    TAGGED: { description: 'A tag points to the image.' },
    IN_HISTORY: { description: 'An entry of a tag’s history that is kept has the image.' },
    IN_REPOSITORY: {
      description:
        'A repository of the integrated registry contains the image; `collectGarbage` decides whether to remove it there.',
    },
    IN_PUSH_LOG: {
      description: 'The push log contains the image, as the new or as the previous image of a tag.',
    },
    YOUNG: {
      description: 'The image was stored a short time ago, or the time at which it was stored is unknown.',
    },
    CHILD: { description: 'An index that is kept lists the image.' },
    CHOSEN_FROM: { description: 'The image is the index from which a tag’s image was chosen.' },
  } as const,
})

const PrunedTagEventType = builder.objectRef<PrunedEvent>('PrunedTagEvent').implement({
  description: 'An entry of a tag’s history that is removed.',
  fields: (t) => ({
    namespace: t.exposeString('namespace', { description: 'Namespace of the image stream.' }),
    imageStreamName: t.exposeString('imageStreamName', { description: 'Name of the image stream.' }),
    tag: t.exposeString('tag', { description: 'Name of the tag whose history contains the entry.' }),
    dockerImageReference: t.exposeString('dockerImageReference', {
      description: 'Pull spec by digest of the image that the tag pointed to.',
    }),
    created: t.field({
      type: 'DateTime',
      description: 'Time from which the tag pointed to the image.',
      resolve: ({ createdAt }) => createdAt,
    }),
  }),
})

const PrunedImageType = builder.objectRef<PrunedImage | KeptImage>('PrunedImage').implement({
  description: 'An image, with the reason why `pruneImages` keeps the image, if any.',
  fields: (t) => ({
    digest: t.field({
      type: 'Digest',
      description: 'Digest of the image.',
      resolve: ({ digest }) => digest,
    }),
    size: t.field({
      type: 'BigInt',
      description: 'Size of the image’s manifest in bytes.',
      resolve: ({ size }) => size,
    }),
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

const KeptImageCountType = builder
  .objectRef<{ readonly reason: keyof PruneReport['reasons']; readonly count: number }>('KeptImageCount')
  .implement({
    description: 'Number of images that are kept for one reason.',
    fields: (t) => ({
      reason: t.field({
        type: KeptImageReasonEnum,
        description: 'Reason why the images are kept.',
        resolve: ({ reason }) => reason,
      }),
      count: t.exposeInt('count', { description: 'Number of images that are kept for this reason.' }),
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

export const PruneReportType = builder.objectRef<PruneReport>('PruneReport').implement({
  description: 'What a prune of images removes, or would remove in a dry run, and what it keeps.',
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
    configs: t.exposeInt('configs', {
      description: 'Number of image configs that are removed because no remaining image uses them.',
    }),
    bytes: t.field({
      type: 'BigInt',
      description: 'Size in bytes of the manifests and configs that are removed from the database.',
      resolve: ({ bytes }) => bytes,
    }),
    repositoryManifests: t.exposeInt('repositoryManifests', {
      description:
        'Number of manifests in repositories of the integrated registry that no tag’s history contains any longer. `collectGarbage` frees their content if its settings allow it.',
    }),
  }),
})

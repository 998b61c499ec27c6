import type {
  EventPosition,
  KeptImage,
  PrunedEvent,
  PrunedImage,
  PruneReport,
} from '../../collect/images/report.ts'
import { builder } from '../kit/builder.ts'
import { keyCursors } from '../kit/connection.ts'
import { ImageType } from '../kit/types.ts'

const KeptImageReasonEnum = builder.enumType('KeptImageReason', {
  description: 'Why an image stays when images are pruned; of several reasons the first in this order.',
  values: {
    TAGGED: { description: 'A tag means it now.' },
    IN_HISTORY: { description: 'An entry of a tag’s history that stays has it.' },
    IN_REPOSITORY: {
      description:
        'A repository of the integrated registry has it: `collectGarbage` decides whether that goes.',
    },
    IN_PUSH_LOG: {
      description: 'The push log tells of it, as the new image or as the one before.',
    },
    YOUNG: { description: 'It was stored a short while ago, or it is not known since when it is here.' },
    CHILD: { description: 'An index that stays has it.' },
    CHOSEN_FROM: { description: 'It is the index that a tag’s image was chosen from.' },
  } as const,
})

const PrunedTagEventType = builder.objectRef<PrunedEvent>('PrunedTagEvent').implement({
  description: 'An entry of a tag’s history that goes.',
  fields: (t) => ({
    namespace: t.exposeString('namespace', { description: 'The namespace of its image stream.' }),
    imageStreamName: t.exposeString('imageStreamName', { description: 'The name of its image stream.' }),
    tag: t.exposeString('tag', { description: 'The tag whose history it is in.' }),
    dockerImageReference: t.exposeString('dockerImageReference', {
      description: 'Pull spec of the image that the tag meant, by digest.',
    }),
    created: t.field({
      type: 'DateTime',
      description: 'Since when the tag meant it.',
      resolve: ({ createdAt }) => createdAt,
    }),
  }),
})

const PrunedImageType = builder.objectRef<PrunedImage | KeptImage>('PrunedImage').implement({
  description: 'An image, and whether it goes.',
  fields: (t) => ({
    digest: t.field({ type: 'Digest', description: 'Its digest.', resolve: ({ digest }) => digest }),
    size: t.field({ type: 'BigInt', description: 'Bytes of its manifest.', resolve: ({ size }) => size }),
    image: t.field({
      type: ImageType,
      nullable: true,
      description: 'The image; null for one that is gone.',
      resolve: ({ digest }, _args, { images }) => images.byDigest(digest),
    }),
    keptBecause: t.field({
      type: KeptImageReasonEnum,
      nullable: true,
      description: 'Why it stays; null for one that goes.',
      resolve: (image) => ('keptBecause' in image ? image.keptBecause : null),
    }),
  }),
})

interface Listing<Item> {
  readonly total: number
  readonly items: readonly Item[]
  readonly endCursor: string | null
}

const PrunedTagEventsType = builder.objectRef<Listing<PrunedEvent>>('PrunedTagEvents').implement({
  description: 'Entries of histories, by tag and age.',
  fields: (t) => ({
    totalCount: t.exposeInt('total', { description: 'How many there are in all.' }),
    nodes: t.field({
      type: [PrunedTagEventType],
      description: 'As many of them as were asked for.',
      resolve: ({ items }) => items,
    }),
    endCursor: t.exposeString('endCursor', {
      nullable: true,
      description: 'Where the list goes on, for the next dry run’s input; null on an empty list.',
    }),
  }),
})

const PrunedImagesType = builder.objectRef<Listing<PrunedImage | KeptImage>>('PrunedImages').implement({
  description: 'Images, in the order in which they were first seen.',
  fields: (t) => ({
    totalCount: t.exposeInt('total', { description: 'How many there are in all.' }),
    nodes: t.field({
      type: [PrunedImageType],
      description: 'As many of them as were asked for.',
      resolve: ({ items }) => items,
    }),
    endCursor: t.exposeString('endCursor', {
      nullable: true,
      description: 'Where the list goes on, for the next dry run’s input; null on an empty list.',
    }),
  }),
})

const KeptImageCountType = builder
  .objectRef<{ readonly reason: keyof PruneReport['reasons']; readonly count: number }>('KeptImageCount')
  .implement({
    description: 'How many images stay for one reason.',
    fields: (t) => ({
      reason: t.field({
        type: KeptImageReasonEnum,
        description: 'The reason.',
        resolve: ({ reason }) => reason,
      }),
      count: t.exposeInt('count', { description: 'How many images it keeps.' }),
    }),
  })

const eventCursors = keyCursors<EventPosition>('pruned tag events', ({ tagId, id }) => [tagId, id], [
  'number',
  'number',
])
const imageCursors = keyCursors<PrunedImage>('pruned images', ({ id }) => [id])

/** Where a list of events goes on. Throws InvalidInputError, which names the field. */
export function eventPosition(cursor: string | null | undefined, field: string): EventPosition | undefined {
  if (cursor == null) return undefined
  const [tagId, id] = eventCursors.decode(cursor, field)
  return { tagId: Number(tagId), id: Number(id) }
}

/** Where a list of images goes on. Throws InvalidInputError, which names the field. */
export const imagePosition = (cursor: string | null | undefined, field: string): number | undefined =>
  cursor == null ? undefined : Number(imageCursors.decode(cursor, field)[0])

const listing = <Item>(
  { total, items }: Omit<Listing<Item>, 'endCursor'>,
  cursors: { encode(item: Item): string },
): Listing<Item> => {
  const last = items.at(-1)
  return { total, items, endCursor: last === undefined ? null : cursors.encode(last) }
}

export const PruneReportType = builder.objectRef<PruneReport>('PruneReport').implement({
  description: 'What goes when images are pruned, or would go, and why the rest stays.',
  fields: (t) => ({
    events: t.field({
      type: PrunedTagEventsType,
      description: 'Entries of histories that go.',
      resolve: ({ events }) => listing<PrunedEvent>(events, eventCursors),
    }),
    images: t.field({
      type: PrunedImagesType,
      description: 'Images that go.',
      resolve: ({ images }) => listing(images, imageCursors),
    }),
    kept: t.field({
      type: PrunedImagesType,
      description: 'Images that stay, each with the reason.',
      resolve: ({ kept }) => listing(kept, imageCursors),
    }),
    keptCounts: t.field({
      type: [KeptImageCountType],
      description: 'How many images stay for which reason.',
      resolve: ({ reasons }) =>
        Object.entries(reasons).map(([reason, count]) => ({ reason: reason as keyof typeof reasons, count })),
    }),
    configs: t.exposeInt('configs', { description: 'Configs that go with the last image of each.' }),
    bytes: t.field({
      type: 'BigInt',
      description: 'Bytes of manifests and configs that the database has free again.',
      resolve: ({ bytes }) => bytes,
    }),
    repositoryManifests: t.exposeInt('repositoryManifests', {
      description:
        'Manifests of the integrated registry’s repositories that no history names any more: `collectGarbage` frees their content where its settings let it go.',
    }),
  }),
})

import type { PrunePlan } from '../../collect/images/plan.ts'
import type { KeptImage, PrunedEvent, PrunedImage, PruneTotals } from '../../collect/images/report.ts'
import { builder } from '../kit/builder.ts'
import { keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { enumType, objectType } from '../kit/types.ts'
import { countsByReason, listOfPlan } from './plan.ts'
import { recordedImage } from './recorded-image.ts'

const KeptImageReasonEnum = enumType('KeptImageReason', {
  description:
    'Reason why `pruneImages` keeps an image. If several apply, the first in this order is reported.',
  values: {
    TAGGED: 'A tag points to the image.',
    IN_HISTORY: 'An entry of a tag’s history that is kept has the image.',
    RUNNING:
      'A workload of a cluster runs or specifies the image, or did so when the cluster could last be reached.',
    IN_REPOSITORY:
      'A repository of the integrated registry contains the image; `collectGarbage` decides whether to remove it there.',
    IN_CHANGE_LOG: 'The change log contains the image, as the new or as the previous image of a tag.',
    YOUNG: 'The image was stored a short time ago, or the time at which it was stored is unknown.',
    IMPORTED:
      'The image was only imported, and the prune removes only images that were pushed (`all: false`).',
    CHILD: 'An index that is kept lists the image.',
    CHOSEN_FROM: 'The image is the index from which a tag’s image was chosen.',
  },
})

const PlannedTagEventType = builder.objectRef<PrunedEvent>('PlannedTagEvent')
objectType(PlannedTagEventType, {
  description: 'An entry of a tag’s history that a prune would remove.',
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

const DIGEST = 'Digest of the image.'
const SIZE = 'Size of the image’s manifest in bytes.'
const IMAGE = 'The image; null if it was removed while the plan was read.'

const PlannedImageType = builder.objectRef<PrunedImage>('PlannedImage')
objectType(PlannedImageType, {
  description: 'An image that a prune would remove.',
  properties: (t) => ({ digest: t.digest(DIGEST), size: t.bigInt(SIZE) }),
  fields: (t) => ({ image: t.field(recordedImage(IMAGE)) }),
})

const KeptImageType = builder.objectRef<KeptImage>('KeptImage')
objectType(KeptImageType, {
  description: 'An image that a prune would keep, with the reason.',
  properties: (t) => ({
    digest: t.digest(DIGEST),
    size: t.bigInt(SIZE),
    reason: t.one(KeptImageReasonEnum, 'Reason why the image is kept.'),
  }),
  fields: (t) => ({ image: t.field(recordedImage(IMAGE)) }),
})

interface KeptImageCount {
  readonly reason: keyof PruneTotals['reasons']
  readonly count: number
}

export const KeptImageCountType = objectType<KeptImageCount>('KeptImageCount', {
  description: 'Number of images that a prune keeps for one reason.',
  properties: (t) => ({
    reason: t.one(KeptImageReasonEnum, 'Reason why the images are kept.'),
  }),
  fields: (t) => ({
    imageCount: t.exposeInt('count', { description: 'Number of images that are kept for this reason.' }),
  }),
})

const PlannedTagEventConnection = connectionType('PlannedTagEvent', PlannedTagEventType, {
  items: 'history entries that would be removed',
})
const PlannedImageConnection = connectionType('PlannedImage', PlannedImageType, {
  items: 'images that would be removed',
})
const KeptImageConnection = connectionType('KeptImage', KeptImageType, {
  items: 'images that would be kept',
})

const CURSORS = {
  tagEvents: keyCursors<PrunedEvent>('planned tag events', ({ tagId, id }) => [tagId, id], [
    'number',
    'number',
  ]),
  images: keyCursors<PrunedImage>('planned images', ({ id }) => [id]),
  keptImages: keyCursors<KeptImage>('kept images', ({ id }) => [id]),
}

/** Descriptions of totals, which a plan and a finished prune have in common. */
export const PRUNE_TOTALS = {
  deletedImageStreamCount:
    'Number of deleted image streams that are removed for good: they can no longer be restored.',
  configCount: 'Number of image configs that are removed because no remaining image uses them.',
  freedSize: 'Size in bytes of the manifests and configs that are removed from the database.',
  repositoryManifestCount:
    'Number of manifests in repositories of the integrated registry that no tag’s history contains any longer. `collectGarbage` frees their content if its settings allow it.',
  keptImageCounts: 'Number of images that are kept, one item for each value of `KeptImageReason`.',
} as const

export const ImagePrunePlanType = objectType<PrunePlan>('ImagePrunePlan', {
  description:
    'What a prune of images would remove now, and what it would keep. All selected lists are read together; a page of `tagEvents` alone is read from its cursor on.',
  fields: (t) => ({
    tagEvents: t.field({
      type: PlannedTagEventConnection,
      description: 'Entries of tags’ histories that would be removed, ordered by tag and age.',
      args: connectionArgs,
      complexity: pageComplexity,
      resolve: listOfPlan(CURSORS.tagEvents, (plan: PrunePlan) => plan.events),
    }),
    images: t.field({
      type: PlannedImageConnection,
      description: 'Images that would be removed, in the order in which the server first stored them.',
      args: connectionArgs,
      complexity: pageComplexity,
      resolve: listOfPlan(CURSORS.images, (plan: PrunePlan) => plan.images),
    }),
    keptImages: t.field({
      type: KeptImageConnection,
      description:
        'Images that would be kept, in the order in which the server first stored them, each with the reason.',
      args: connectionArgs,
      complexity: pageComplexity,
      resolve: listOfPlan(CURSORS.keptImages, (plan: PrunePlan) => plan.kept),
    }),
    keptImageCounts: t.field({
      type: [KeptImageCountType],
      description: PRUNE_TOTALS.keptImageCounts,
      resolve: async (plan) => countsByReason((await plan.totals()).reasons),
    }),
    deletedImageStreamCount: t.int({
      description: PRUNE_TOTALS.deletedImageStreamCount,
      resolve: async (plan) => (await plan.totals()).streams,
    }),
    configCount: t.int({
      description: PRUNE_TOTALS.configCount,
      resolve: async (plan) => (await plan.totals()).configs,
    }),
    freedSize: t.field({
      type: 'BigInt',
      description: PRUNE_TOTALS.freedSize,
      resolve: async (plan) => (await plan.totals()).freedBytes,
    }),
    repositoryManifestCount: t.int({
      description: PRUNE_TOTALS.repositoryManifestCount,
      resolve: async (plan) => (await plan.totals()).repositoryManifests,
    }),
  }),
})

import type { PrunePlan } from '../../collect/images/plan.ts'
import type { PruneTotals } from '../../collect/images/report.ts'
import {
  DEFAULT_TAG_REVISIONS,
  DEFAULT_YOUNGER_THAN_MINUTES,
  type PrunePolicy,
} from '../../collect/images/terms.ts'
import { builder } from '../kit/builder.ts'
import { inputType, mutation } from '../kit/inputs.ts'
import { objectType } from '../kit/types.ts'
import { ImagePrunePlanType, KeptImageCountType, PRUNE_TOTALS } from './image-prune-plan.ts'
import { countsByReason, PLAN_COMPLEXITY, planOfOperation } from './plan.ts'

/** Descriptions of the options, which the query and the mutation have in common. */
const OPTIONS = {
  keepTagRevisions:
    'Number of the newest entries of each tag’s history to keep, the present image included: 1 to 1,000; the default is 3.',
  keepYoungerThanMinutes:
    'Minimum age in minutes of entries and images that are removed, 0 or more; the default is 60.',
  all: 'Whether images that were only imported are removed, too; the default is true. With false, only images that were ever pushed to this server are removed. Histories are pruned in both cases.',
  namespace:
    'Namespace whose histories are pruned; no image is removed then, because images belong to no namespace. If omitted, all histories and images are pruned, which requires a server admin.',
} as const

const PruneImagesInput = inputType('PruneImagesInput', {
  description: 'Options of a prune of images.',
  fields: (t) => ({
    dryRun: t.dryRunByDefault(),
    keepTagRevisions: t.int({
      required: true,
      defaultValue: DEFAULT_TAG_REVISIONS,
      description: OPTIONS.keepTagRevisions,
    }),
    keepYoungerThanMinutes: t.int({
      required: true,
      defaultValue: DEFAULT_YOUNGER_THAN_MINUTES,
      description: OPTIONS.keepYoungerThanMinutes,
    }),
    all: t.field({ type: 'Boolean', required: true, defaultValue: true, description: OPTIONS.all }),
    namespace: t.string(OPTIONS.namespace),
  }),
})

const ImagePruningType = objectType<PruneTotals>('ImagePruning', {
  description: 'What a prune of images has removed, and how many images it kept.',
  fields: (t) => ({
    tagEventCount: t.exposeInt('events', {
      description: 'Number of entries of tags’ histories that were removed.',
    }),
    imageCount: t.exposeInt('images', { description: 'Number of images that were removed.' }),
    keptImageCounts: t.field({
      type: [KeptImageCountType],
      description: PRUNE_TOTALS.keptImageCounts,
      resolve: ({ reasons }) => countsByReason(reasons),
    }),
    deletedImageStreamCount: t.exposeInt('streams', { description: PRUNE_TOTALS.deletedImageStreamCount }),
    configCount: t.exposeInt('configs', { description: PRUNE_TOTALS.configCount }),
    freedSize: t.expose('freedBytes', { type: 'BigInt', description: PRUNE_TOTALS.freedSize }),
    repositoryManifestCount: t.exposeInt('repositoryManifests', {
      description: PRUNE_TOTALS.repositoryManifestCount,
    }),
  }),
})

interface PruneImagesResult {
  readonly plan: PrunePlan | null
  readonly imagePruning: PruneTotals | null
}

const PruneImagesPayload = objectType<PruneImagesResult>('PruneImagesPayload', {
  description: 'Result of a prune of images, or the plan of a dry run.',
  properties: (t) => ({
    plan: t.oneOrNull(
      ImagePrunePlanType,
      'Plan of the dry run, as `imagePrunePlan` returns it; null unless `dryRun` is true.',
    ),
    imagePruning: t.oneOrNull(ImagePruningType, 'What was removed; null for a dry run.'),
  }),
})

builder.queryField('imagePrunePlan', (t) =>
  t.field({
    type: ImagePrunePlanType,
    description:
      'Returns what `pruneImages` with the same options would remove now, and why the rest is kept.',
    access: 'delete',
    example: `
      # What pruneImages would remove now, and why the rest is kept.
      query ImagePrunePlan {
        imagePrunePlan(keepTagRevisions: 5) { freedSize images(first: 10) { totalCount nodes { digest } } keptImageCounts { reason imageCount } }
      }
    `,
    args: {
      namespace: t.arg.string({ description: OPTIONS.namespace }),
      all: t.arg.boolean({ required: true, defaultValue: true, description: OPTIONS.all }),
      keepTagRevisions: t.arg.int({
        required: true,
        defaultValue: DEFAULT_TAG_REVISIONS,
        description: OPTIONS.keepTagRevisions,
      }),
      keepYoungerThanMinutes: t.arg.int({
        required: true,
        defaultValue: DEFAULT_YOUNGER_THAN_MINUTES,
        description: OPTIONS.keepYoungerThanMinutes,
      }),
    },
    complexity: PLAN_COMPLEXITY,
    resolve: (_query, { namespace, all, keepTagRevisions, keepYoungerThanMinutes }, context) => {
      const policy: PrunePolicy = { namespace, all, keepTagRevisions, keepYoungerThanMinutes }
      return planOfOperation(context, `imagePrunePlan ${JSON.stringify(policy)}`, () =>
        context.pruner.plan(context.viewer, policy),
      )
    },
  }),
)

mutation('pruneImages', {
  description:
    'Removes old entries of tags’ histories, and images that nothing in any namespace refers to. With `dryRun`, which is the default, it removes nothing and returns what would be removed. The image that a tag points to is always kept. The mutation returns when the prune has finished, and waits for one that is already running. Finished imports lose the results of removed entries.',
  access: 'delete',
  example: `
    # Reports which images and which history would be removed. With dryRun: false it removes them.
    mutation PruneImages {
      pruneImages(input: { keepTagRevisions: 5, dryRun: true }) { plan { freedSize images(first: 10) { nodes { digest } } } }
    }
  `,
  input: PruneImagesInput,
  inputDescription: 'Options of the prune.',
  payload: PruneImagesPayload,
  complexity: PLAN_COMPLEXITY,
  resolve: async ({ dryRun, ...policy }, { viewer, pruner }) =>
    dryRun
      ? { plan: pruner.plan(viewer, policy), imagePruning: null }
      : { plan: null, imagePruning: await pruner.prune(viewer, policy) },
})

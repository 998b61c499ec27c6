import type { PruneOptions } from '../../collect/images/prune.ts'
import type { PruneReport } from '../../collect/images/report.ts'
import { DEFAULT_TAG_REVISIONS, DEFAULT_YOUNGER_THAN_MINUTES } from '../../collect/images/terms.ts'
import { checkRange } from '../../input/range.ts'
import { DEFAULT_PAGE_SIZE, MAXIMUM_PAGE_SIZE } from '../kit/connection.ts'
import { inputType, mutation } from '../kit/inputs.ts'
import { objectType } from '../kit/types.ts'
import { eventPosition, imagePosition, PruneReportType } from './prune-report.ts'

const PruneImagesInput = inputType('PruneImagesInput', {
  description: 'Options of a prune of images.',
  fields: (t) => ({
    dryRun: t.dryRun(),
    keepTagRevisions: t.int({
      required: true,
      defaultValue: DEFAULT_TAG_REVISIONS,
      description:
        'Number of the newest entries of each tag’s history to keep, the present image included: 1 to 1,000; the default is 3.',
    }),
    keepYoungerThanMinutes: t.int({
      required: true,
      defaultValue: DEFAULT_YOUNGER_THAN_MINUTES,
      description:
        'Minimum age in minutes of entries and images that are removed, 0 or more; the default is 60.',
    }),
    all: t.field({
      type: 'Boolean',
      required: true,
      defaultValue: true,
      description:
        'Whether images that were only imported are removed, too; the default is true. With false, only images that were ever pushed to this server are removed. Histories are pruned in both cases.',
    }),
    namespace: t.string(
      'Namespace whose histories are pruned; no image is removed then, because images belong to no namespace. If omitted, all histories and images are pruned.',
    ),
    first: t.int({
      required: true,
      defaultValue: DEFAULT_PAGE_SIZE,
      description: `Maximum number of items in each list of the report, 1 to ${MAXIMUM_PAGE_SIZE}; the default is 50.`,
    }),
    eventsAfter: t.string('Reports only entries of histories after this cursor.'),
    imagesAfter: t.string('Reports only removed images after this cursor.'),
    keptAfter: t.string('Reports only kept images after this cursor.'),
  }),
})

interface PruneResult {
  readonly dryRun: boolean
  readonly report: PruneReport
}

const PruneImagesPayload = objectType<PruneResult>('PruneImagesPayload', {
  description: 'Result of a prune of images.',
  properties: (t) => ({
    dryRun: t.boolean('Whether it was a dry run, which removes nothing.'),
    report: t.one(PruneReportType, 'Removed and kept entries and images.'),
  }),
})

function optionsOf(input: typeof PruneImagesInput.$inferInput): PruneOptions {
  const { first, keepTagRevisions, keepYoungerThanMinutes, all, namespace } = input
  return {
    keepTagRevisions,
    keepYoungerThanMinutes,
    all,
    namespace,
    limit: checkRange('first', first, 1, MAXIMUM_PAGE_SIZE),
    after: {
      events: eventPosition(input.eventsAfter, 'eventsAfter'),
      images: imagePosition(input.imagesAfter, 'imagesAfter'),
      kept: imagePosition(input.keptAfter, 'keptAfter'),
    },
  }
}

mutation('pruneImages', {
  description:
    'Removes old entries of tags’ histories, and images that nothing in any namespace refers to. With `dryRun`, which is the default, it only reports them. The image that a tag points to is always kept. The mutation returns when the prune has finished, and waits for one that is already running. Finished imports lose the results of removed entries.',
  input: PruneImagesInput,
  inputDescription: 'Options of the prune.',
  payload: PruneImagesPayload,
  resolve: async (input, { pruner }) => {
    const options = optionsOf(input)
    const report = await (input.dryRun ? pruner.plan(options) : pruner.prune(options))
    return { dryRun: input.dryRun, report }
  },
})

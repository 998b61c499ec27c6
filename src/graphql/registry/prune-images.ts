import type { PruneOptions } from '../../collect/images/prune.ts'
import type { PruneReport } from '../../collect/images/report.ts'
import { DEFAULT_TAG_REVISIONS, DEFAULT_YOUNGER_THAN_MINUTES } from '../../collect/images/terms.ts'
import { builder } from '../kit/builder.ts'
import { checkRange } from '../kit/checks.ts'
import { DEFAULT_PAGE_SIZE, MAXIMUM_PAGE_SIZE } from '../kit/connection.ts'
import { eventPosition, imagePosition, PruneReportType } from './prune-report.ts'

const PruneImagesInput = builder.inputType('PruneImagesInput', {
  description: 'How to prune images.',
  fields: (t) => ({
    dryRun: t.boolean({
      required: true,
      defaultValue: true,
      description: 'Only tells what would go and why the rest stays.',
    }),
    keepTagRevisions: t.int({
      required: true,
      defaultValue: DEFAULT_TAG_REVISIONS,
      description: 'How many of each tag’s newest entries stay, what it means now included; from 1 to 1,000.',
    }),
    keepYoungerThanMinutes: t.int({
      required: true,
      defaultValue: DEFAULT_YOUNGER_THAN_MINUTES,
      description: 'Minutes that everything stays, from 0 on.',
    }),
    namespace: t.string({
      description:
        'Only histories of this namespace’s image streams; images go when nothing anywhere refers to them.',
    }),
    first: t.int({
      required: true,
      defaultValue: DEFAULT_PAGE_SIZE,
      description: `Items of each list, 1 to ${MAXIMUM_PAGE_SIZE}.`,
    }),
    eventsAfter: t.string({ description: 'Only entries of histories behind this cursor are listed.' }),
    imagesAfter: t.string({ description: 'Only images that go behind this cursor are listed.' }),
    keptAfter: t.string({ description: 'Only images that stay behind this cursor are listed.' }),
  }),
})

interface PruneResult {
  readonly dryRun: boolean
  readonly report: PruneReport
}

const PruneImagesPayload = builder.objectRef<PruneResult>('PruneImagesPayload').implement({
  description: 'What was pruned, or would be.',
  fields: (t) => ({
    dryRun: t.exposeBoolean('dryRun', { description: 'Whether it was only told, and everything stays.' }),
    report: t.field({
      type: PruneReportType,
      description: 'What goes, or went, and why the rest stays.',
      resolve: ({ report }) => report,
    }),
  }),
})

function optionsOf(input: typeof PruneImagesInput.$inferInput): PruneOptions {
  const { first, keepTagRevisions, keepYoungerThanMinutes, namespace } = input
  return {
    keepTagRevisions,
    keepYoungerThanMinutes,
    namespace,
    limit: checkRange('first', first, 1, MAXIMUM_PAGE_SIZE),
    after: {
      events: eventPosition(input.eventsAfter, 'eventsAfter'),
      images: imagePosition(input.imagesAfter, 'imagesAfter'),
      kept: imagePosition(input.keptAfter, 'keptAfter'),
    },
  }
}

builder.mutationField('pruneImages', (t) =>
  t.field({
    type: PruneImagesPayload,
    description:
      'Forgets old entries of histories, and the images that nothing refers to any more, or with `dryRun` tells which those are. What a tag means now always stays. It waits until that is done, and for one that is under way. Finished imports whose tag events go show fewer results.',
    args: { input: t.arg({ type: PruneImagesInput, required: true, description: 'What to keep.' }) },
    resolve: async (_mutation, { input }, { pruner }) => {
      const options = optionsOf(input)
      const report = await (input.dryRun ? pruner.plan(options) : pruner.prune(options))
      return { dryRun: input.dryRun, report }
    },
  }),
)

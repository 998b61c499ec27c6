import type { CollectionPlan, PlanOptions } from '../../collect/blobs/plan.ts'
import type { Collection } from '../../collect/blobs/rows.ts'
import type { Digest } from '../../oci/digest.ts'
import { builder } from '../kit/builder.ts'
import { checkRange } from '../kit/checks.ts'
import { MAXIMUM_PAGE_SIZE } from '../kit/connection.ts'
import { CollectionType } from './collection.ts'
import { CollectionPlanType, manifestPosition } from './collection-plan.ts'

const CollectGarbageInput = builder.inputType('CollectGarbageInput', {
  description: 'How to collect garbage.',
  fields: (t) => ({
    dryRun: t.boolean({
      required: true,
      defaultValue: true,
      description: 'Only tells what would go and why the rest stays.',
    }),
    first: t.int({
      required: true,
      defaultValue: 50,
      description: `Of a dry run: items of each list, 1 to ${MAXIMUM_PAGE_SIZE}.`,
    }),
    manifestsAfter: t.string({ description: 'Of a dry run: only manifests behind this cursor.' }),
    keptAfter: t.string({ description: 'Of a dry run: only kept manifests behind this cursor.' }),
    blobsAfter: t.field({ type: 'Digest', description: 'Of a dry run: only blobs behind this one.' }),
  }),
})

interface CollectGarbageResult {
  readonly plan: CollectionPlan | null
  readonly collection: Collection | null
}

const CollectGarbagePayload = builder.objectRef<CollectGarbageResult>('CollectGarbagePayload').implement({
  description: 'What a collection did, or would do.',
  fields: (t) => ({
    plan: t.field({
      type: CollectionPlanType,
      nullable: true,
      description: 'What would be done; null when it was done.',
      resolve: ({ plan }) => plan,
    }),
    collection: t.field({
      type: CollectionType,
      nullable: true,
      description: 'What was done; null for a dry run.',
      resolve: ({ collection }) => collection,
    }),
  }),
})

/** Returns the start of each list that has a cursor. Throws InvalidInputError. */
function afterOf(input: {
  readonly manifestsAfter?: string | null | undefined
  readonly keptAfter?: string | null | undefined
  readonly blobsAfter?: Digest | null | undefined
}): NonNullable<PlanOptions['after']> {
  const manifests = manifestPosition(input.manifestsAfter, 'manifestsAfter')
  const kept = manifestPosition(input.keptAfter, 'keptAfter')
  return {
    ...(manifests && { manifests }),
    ...(kept && { kept }),
    ...(input.blobsAfter && { blobs: input.blobsAfter }),
  }
}

builder.mutationField('collectGarbage', (t) =>
  t.field({
    type: CollectGarbagePayload,
    description:
      'Frees what nothing in the integrated registry refers to, or with `dryRun` tells what that would be. It waits until that is done; one that is under way is joined.',
    args: { input: t.arg({ type: CollectGarbageInput, required: true, description: 'How to do it.' }) },
    resolve: async (_mutation, { input }, { registry: { collector } }) => {
      const { dryRun, first } = input
      if (!dryRun) return { plan: null, collection: await collector.collect() }
      const limit = checkRange('first', first, 1, MAXIMUM_PAGE_SIZE)
      return { plan: await collector.plan({ limit, after: afterOf(input) }), collection: null }
    },
  }),
)

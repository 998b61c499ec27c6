import type { GarbageCollection } from '../../collect/blobs/collections.ts'
import type { GarbageCollectionPlan } from '../../collect/blobs/plan.ts'
import { inputType, mutation } from '../kit/inputs.ts'
import { objectType } from '../kit/types.ts'
import { GarbageCollectionType } from './garbage-collection.ts'
import { GarbageCollectionPlanType } from './garbage-collection-plan.ts'
import { PLAN_COMPLEXITY } from './plan.ts'

const CollectGarbageInput = inputType('CollectGarbageInput', {
  description: 'Options of a garbage collection.',
  fields: (t) => ({ dryRun: t.dryRunByDefault() }),
})

interface CollectGarbageResult {
  readonly plan: GarbageCollectionPlan | null
  readonly garbageCollection: GarbageCollection | null
}

const CollectGarbagePayload = objectType<CollectGarbageResult>('CollectGarbagePayload', {
  description: 'Result of a garbage collection, or the plan of a dry run.',
  properties: (t) => ({
    plan: t.oneOrNull(
      GarbageCollectionPlanType,
      'Plan of the dry run, as `garbageCollectionPlan` returns it; null unless `dryRun` is true.',
    ),
    garbageCollection: t.oneOrNull(
      GarbageCollectionType,
      'The garbage collection after its end; null for a dry run.',
    ),
  }),
})

mutation('collectGarbage', {
  description:
    'Removes manifests, blobs and uploads of the integrated registry that are no longer in use. With `dryRun`, which is the default, it removes nothing and returns what would be removed. The mutation returns when the garbage collection has finished, and joins one that is already running.',
  access: 'server-admin',
  example: `
    # Reports what a garbage collection would remove. With dryRun: false it starts one.
    mutation CollectGarbage {
      collectGarbage(input: { dryRun: true }) { plan { freedSize } garbageCollection { id } }
    }
  `,
  input: CollectGarbageInput,
  inputDescription: 'Options of the garbage collection.',
  payload: CollectGarbagePayload,
  complexity: PLAN_COMPLEXITY,
  resolve: async ({ dryRun }, { viewer, registry: { collector } }) =>
    dryRun
      ? { plan: collector.plan(viewer), garbageCollection: null }
      : { plan: null, garbageCollection: await collector.collect(viewer) },
})

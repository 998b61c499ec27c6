import type { Collection } from '../../collect/blobs/collections.ts'
import type { CollectionPlan, PlanOptions } from '../../collect/blobs/plan.ts'
import { checkRange } from '../../input/range.ts'
import type { Digest } from '../../oci/digest.ts'
import { MAXIMUM_PAGE_SIZE } from '../kit/connection.ts'
import { inputType, mutation } from '../kit/inputs.ts'
import { objectType } from '../kit/types.ts'
import { CollectionPlanType, manifestPosition } from './collection-plan.ts'

const CollectGarbageInput = inputType('CollectGarbageInput', {
  description: 'Options of a garbage collection.',
  fields: (t) => ({
    dryRun: t.dryRun(),
    first: t.int({
      required: true,
      defaultValue: 50,
      description: `Maximum number of items in each list of a dry run, 1 to ${MAXIMUM_PAGE_SIZE}; the default is 50.`,
    }),
    manifestsAfter: t.string('Returns only manifests after this cursor, in a dry run.'),
    keptAfter: t.string('Returns only kept manifests after this cursor, in a dry run.'),
    blobsAfter: t.digest('Returns only blobs after this digest, in a dry run.'),
  }),
})

/** A finished or running garbage collection. */
export const CollectionType = objectType<Collection>('Collection', {
  description:
    'A garbage collection of the integrated registry. The registry serves requests during a collection.',
  properties: (t) => ({
    startedAt: t.dateTime('Time at which the garbage collection started.'),
    finishedAt: t.dateTimeOrNull(
      'Time at which the garbage collection finished; null while it runs, and if the server stopped before its end.',
    ),
    manifests: t.int('Number of manifests that were removed from repositories.'),
    blobs: t.int('Number of blobs that were removed from the disk.'),
    uploads: t.int('Number of abandoned uploads that were removed.'),
    bytes: t.bigInt('Disk space in bytes that was freed.'),
    message: t.stringOrNull('Human-readable explanation of what failed; null if nothing failed.'),
  }),
})

interface CollectGarbageResult {
  readonly plan: CollectionPlan | null
  readonly collection: Collection | null
}

const CollectGarbagePayload = objectType<CollectGarbageResult>('CollectGarbagePayload', {
  description: 'Result of a garbage collection, or the plan of a dry run.',
  properties: (t) => ({
    plan: t.oneOrNull(CollectionPlanType, 'Plan of the dry run; null if it was not a dry run.'),
    collection: t.oneOrNull(CollectionType, 'Result of the garbage collection; null for a dry run.'),
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

mutation('collectGarbage', {
  description:
    'Removes manifests, blobs and uploads of the integrated registry that are no longer in use. With `dryRun`, which is the default, it only reports them. The mutation returns when the garbage collection has finished, and joins one that is already running.',
  input: CollectGarbageInput,
  inputDescription: 'Options of the garbage collection.',
  payload: CollectGarbagePayload,
  resolve: async (input, { registry: { collector } }) => {
    const { dryRun, first } = input
    if (!dryRun) return { plan: null, collection: await collector.collect() }
    const limit = checkRange('first', first, 1, MAXIMUM_PAGE_SIZE)
    return { plan: await collector.plan({ limit, after: afterOf(input) }), collection: null }
  },
})

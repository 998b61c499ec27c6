import { and, count, eq, exists, inArray, isNotNull, lte, notExists, type SQL } from 'drizzle-orm'
import { BATCH } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import { imageStreams, tagEvents, tags } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'

/** Deleted streams to prune. */
export interface PrunableStreams {
  /** Those deleted at this time or before. Milliseconds since 1970. */
  readonly oldUntil: number
  /** Those of this namespace; null for all. */
  readonly namespace: string | null
}

/** Creates the final removal of deleted streams: they can no longer be read or restored. */
export function createStreamPruning({ orm }: Database) {
  const isPrunable = ({ oldUntil, namespace }: PrunableStreams): SQL | undefined =>
    and(
      isNotNull(imageStreams.deletedAt),
      lte(imageStreams.deletedAt, oldUntil),
      namespace === null ? undefined : eq(imageStreams.namespace, namespace),
    )
  // tags that only have a reported history go with their stream
  const event = orm.select({ id: tagEvents.id }).from(tagEvents).where(eq(tagEvents.tagId, tags.id))
  const tagOfStream = orm
    .select({ id: tags.id })
    .from(tags)
    .where(and(eq(tags.streamId, imageStreams.id), exists(event)))

  return {
    count: (prunable: PrunableStreams): number =>
      orm.select({ total: count() }).from(imageStreams).where(isPrunable(prunable)).get()?.total ?? 0,
    /** Removes a batch of those whose tags are all pruned, with what other rooms keep of them. Returns their number. */
    removeBatch(_tx: Transaction, prunable: PrunableStreams): number {
      const batch = orm
        .select({ id: imageStreams.id })
        .from(imageStreams)
        .where(and(isPrunable(prunable), notExists(tagOfStream)))
        .limit(BATCH)
      return orm.delete(imageStreams).where(inArray(imageStreams.id, batch)).run().changes
    },
  }
}

import { and, eq, gte, lt, sql } from 'drizzle-orm'
import type { Database } from '../db/open.ts'
import { receivers, receiverWatches } from '../db/tables/receiver.ts'
import { createStreamSources } from '../imagestream/watch/stream-sources.ts'
import type { TagName } from '../oci/tag.ts'

/**
 * Creates the store of sources that receivers watch: which receiver announced the last change, and how many it announced
 * in a row.
 */
export function createWatchedSources(db: Database) {
  const { orm } = db
  const { referenceOf } = createStreamSources(db)
  const reliable = orm
    .select({ announced: receiverWatches.announced, source: receiverWatches.source })
    .from(receiverWatches)
    .innerJoin(receivers, eq(receivers.id, receiverWatches.receiverId))
    .where(
      and(
        eq(receiverWatches.streamId, sql.placeholder('streamId')),
        eq(receiverWatches.tag, sql.placeholder('tag')),
        eq(receivers.enabled, 1),
        gte(receivers.lastAcceptedAt, sql.placeholder('since')),
      ),
    )
    .prepare()

  return {
    /** Changes of the source in a row that were announced; 0 when its receiver is disabled, or silent since the time. */
    announcedInARow(streamId: number, tag: TagName | '', since: number): number {
      const watch = reliable.get({ streamId, tag, since })
      // a source that was replaced in the spec starts at 0
      return watch && watch.source === referenceOf(streamId, tag) ? watch.announced : 0
    },
    /** Deletes the watches of a receiver, and returns their streams. */
    forget(receiverId: number): number[] {
      const ofReceiver = eq(receiverWatches.receiverId, receiverId)
      const watches = orm.delete(receiverWatches).where(ofReceiver).returning().all()
      return [...new Set(watches.map(({ streamId }) => streamId))]
    },
    /** Streams of receivers whose newest authenticated delivery was in this time. */
    silentStreams: (from: number, until: number): number[] =>
      orm
        .selectDistinct({ streamId: receiverWatches.streamId })
        .from(receivers)
        .innerJoin(receiverWatches, eq(receiverWatches.receiverId, receivers.id))
        .where(and(lt(receivers.lastAcceptedAt, until), gte(receivers.lastAcceptedAt, from)))
        .all()
        .map(({ streamId }) => streamId),
  }
}

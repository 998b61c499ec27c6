import { and, eq, gte, lt, sql } from 'drizzle-orm'
import type { Database } from '../db/open.ts'
import { webhooks, webhookWatches } from '../db/tables/webhook.ts'
import { createStreamSources } from '../imagestream/watch/stream-sources.ts'
import type { TagName } from '../oci/tag.ts'

/**
 * Creates the store of sources that webhooks watch: which webhook announced the last change, and how many it announced
 * in a row.
 */
export function createWatchedSources(db: Database) {
  const { orm } = db
  const { referenceOf } = createStreamSources(db)
  const reliable = orm
    .select({ announced: webhookWatches.announced, source: webhookWatches.source })
    .from(webhookWatches)
    .innerJoin(webhooks, eq(webhooks.id, webhookWatches.webhookId))
    .where(
      and(
        eq(webhookWatches.streamId, sql.placeholder('streamId')),
        eq(webhookWatches.tag, sql.placeholder('tag')),
        eq(webhooks.enabled, 1),
        gte(webhooks.acceptedAt, sql.placeholder('since')),
      ),
    )
    .prepare()

  return {
    /** Changes of the source in a row that were announced; 0 when its webhook is disabled, or silent since the time. */
    announcedInARow(streamId: number, tag: TagName | '', since: number): number {
      const watch = reliable.get({ streamId, tag, since })
      // a source that was replaced in the spec starts at 0
      return watch && watch.source === referenceOf(streamId, tag) ? watch.announced : 0
    },
    /** Deletes the watches of a webhook, and returns their streams. */
    forget(webhookId: number): number[] {
      const ofWebhook = eq(webhookWatches.webhookId, webhookId)
      const watches = orm.delete(webhookWatches).where(ofWebhook).returning().all()
      return [...new Set(watches.map(({ streamId }) => streamId))]
    },
    /** Streams of webhooks whose newest authenticated delivery was in this time. */
    silentStreams: (from: number, until: number): number[] =>
      orm
        .selectDistinct({ streamId: webhookWatches.streamId })
        .from(webhooks)
        .innerJoin(webhookWatches, eq(webhookWatches.webhookId, webhooks.id))
        .where(and(lt(webhooks.acceptedAt, until), gte(webhooks.acceptedAt, from)))
        .all()
        .map(({ streamId }) => streamId),
  }
}

import { and, eq, gte, inArray, sql } from 'drizzle-orm'
import type { Database } from '../db/open.ts'
import { webhookHints, webhooks, webhookTargets, webhookWatches } from '../db/tables/webhook.ts'
import type { Transaction } from '../db/transact.ts'
import { LONGEST_SLOWDOWN } from '../imagestream/schedule/source-results.ts'
import type { ImageStream } from '../imagestream/spec/spec.ts'
import { createImportEffects, type ImportedMove } from '../imagestream/stored-import/import-effects.ts'
import type { ImportRequest } from '../imagestream/stored-import/import-plan.ts'
import type { Import } from '../imagestream/stored-import/import-state.ts'
import { splitPrefix } from '../logins/registry-login.ts'
import { parseReference } from '../oci/reference.ts'
import type { TagName } from '../oci/tag.ts'
import { isBelow } from './scope.ts'
import { createWatchedSources } from './watched-sources.ts'
import { SILENT_AFTER, type Webhook, webhookOf } from './webhook.ts'

export interface AnnouncementsDependencies {
  readonly db: Database
  readonly requestOf: (importId: number) => ImportRequest | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Consecutive announced changes for each doubling of the interval. */
export const PROOFS = 3
/** Milliseconds before the start of an import: a hint from then announced what the import found. */
export const IN_TIME = 5 * 60_000

/** How reliably webhooks announce changes. */
export type Announcements = ReturnType<typeof createAnnouncements>

/**
 * Creates the count of how reliably webhooks announce changes of each source, as imports found them. A source whose changes
 * are announced before a scheduled import finds them is polled less often.
 */
export function createAnnouncements({ db, requestOf, now }: AnnouncementsDependencies) {
  const { movedTags } = createImportEffects(db)
  const { announcedInARow, forget, silentStreams } = createWatchedSources(db)
  const countAnnounced = createAnnouncedCounter(db, now)
  const { wasAnnounced, countMissed } = createMissedCounter(db, now)
  let silentUntil = Number.NEGATIVE_INFINITY

  return {
    /** Returns the factor by which polling of the source is slowed down: 1 unless its webhook has proved reliable. */
    slowdownOf(streamId: number, tag: TagName | ''): number {
      const announced = announcedInARow(streamId, tag, now() - SILENT_AFTER)
      return Math.min(2 ** Math.floor(announced / PROOFS), LONGEST_SLOWDOWN)
    },

    /** Counts announced and missed changes of an import, in the transaction that ends it. */
    onFinished(
      _tx: Transaction,
      { id, namespace }: Pick<ImageStream, 'id' | 'namespace'>,
      finished: Import,
    ): void {
      // an import on a user's request says nothing: the webhook's delivery may still be on its way
      const urgency = requestOf(finished.id)?.urgency
      if (urgency === undefined || finished.imported === 0) return
      const moved = movedTags(finished.id, id)
      if (urgency === 'webhook') countAnnounced(finished.id, id, moved)
      else {
        const since = (finished.startedAt ?? now()) - IN_TIME
        const missed = moved.filter(({ tag }) => !wasAnnounced(id, tag, since))
        if (missed.length > 0) countMissed(id, namespace, missed)
      }
    },

    /** Resets what is known of the webhook. Returns the streams whose polling it had slowed down. */
    forget: (_tx: Transaction, webhookId: number): number[] => forget(webhookId),

    /** Returns the streams that rely on a webhook that has become SILENT since the last call. */
    newlySilent(): number[] {
      const until = now() - SILENT_AFTER
      const streams = silentStreams(silentUntil, until)
      silentUntil = until
      return streams
    },
  }
}

/** Returns a function that counts the moved tags of an import that webhooks requested. */
function createAnnouncedCounter({ orm }: Database, now: () => number) {
  const webhooksOf = (importId: number): number[] =>
    orm
      .selectDistinct({ webhookId: webhookHints.webhookId })
      .from(webhookTargets)
      .innerJoin(webhookHints, eq(webhookHints.id, webhookTargets.hintId))
      .where(eq(webhookTargets.importId, importId))
      .orderBy(webhookHints.webhookId)
      .all()
      .map(({ webhookId }) => webhookId)

  const watch = (streamId: number, tag: TagName | '', source: string, webhookId: number): void => {
    const isSame = sql`${webhookWatches.source} = excluded.source`
    const announced = sql`case when ${isSame} then ${webhookWatches.announced} + 1 else 1 end`
    orm
      .insert(webhookWatches)
      .values({ streamId, tag, source, webhookId, announced: 1 })
      .onConflictDoUpdate({
        target: [webhookWatches.streamId, webhookWatches.tag],
        set: { source, webhookId, announced },
      })
      .run()
  }

  return (importId: number, streamId: number, moved: readonly ImportedMove[]): void => {
    const ids = webhooksOf(importId)
    const [first] = ids
    if (first === undefined) return
    for (const [tag, source] of new Map(moved.map((one) => [one.source, one.from]))) {
      watch(streamId, tag, source, first)
    }
    const announced = sql`${webhooks.announced} + ${moved.length}`
    orm.update(webhooks).set({ announced, announcedAt: now() }).where(inArray(webhooks.id, ids)).run()
  }
}

function createMissedCounter({ orm }: Database, now: () => number) {
  const hint = orm
    .select({ id: webhookHints.id })
    .from(webhookTargets)
    .innerJoin(webhookHints, eq(webhookHints.id, webhookTargets.hintId))
    .where(
      and(
        eq(webhookTargets.streamId, sql.placeholder('streamId')),
        inArray(webhookTargets.tag, [sql.placeholder('tag'), '']),
        gte(webhookHints.receivedAt, sql.placeholder('since')),
      ),
    )
    .limit(1)
    .prepare()

  return {
    /** Reports whether a hint since the time concerned the tag. */
    wasAnnounced: (streamId: number, tag: TagName, since: number): boolean =>
      hint.get({ streamId, tag, since }) !== undefined,

    /** Counts changes that no webhook announced: of their sources, and of the webhooks whose scope has them. */
    countMissed(streamId: number, namespace: string, missed: readonly ImportedMove[]): void {
      // one parameter for all tags: a statement has at most 32,766
      const sources = JSON.stringify([...new Set(missed.map(({ source }) => source))])
      const isSource = sql`${webhookWatches.tag} in (select value from json_each(${sources}))`
      const isMissed = and(eq(webhookWatches.streamId, streamId), isSource)
      orm.update(webhookWatches).set({ announced: 0 }).where(isMissed).run()
      const isEnabled = and(eq(webhooks.namespace, namespace), eq(webhooks.enabled, 1))
      for (const webhook of orm.select().from(webhooks).where(isEnabled).all().map(webhookOf)) {
        const count = missed.filter(({ from }) => isInScope(webhook, from)).length
        if (count === 0) continue
        const total = sql`${webhooks.missed} + ${count}`
        orm.update(webhooks).set({ missed: total, missedAt: now() }).where(eq(webhooks.id, webhook.id)).run()
      }
    },
  }
}

function isInScope(webhook: Webhook, source: string): boolean {
  const { registry, repository } = parseReference(source)
  return splitPrefix(registry).registry === webhook.registry && isBelow(webhook, repository)
}

import { and, eq, gte, inArray, sql } from 'drizzle-orm'
import type { Database } from '../db/open.ts'
import { receiverHints, receivers, receiverTargets, receiverWatches } from '../db/tables/receiver.ts'
import type { Transaction } from '../db/transact.ts'
import { LONGEST_SLOWDOWN } from '../imagestream/schedule/source-results.ts'
import type { ImageStream } from '../imagestream/spec/spec.ts'
import { createImportEffects, type ImportedMove } from '../imagestream/stored-import/import-effects.ts'
import type { ImportRequest } from '../imagestream/stored-import/import-plan.ts'
import type { Import } from '../imagestream/stored-import/import-state.ts'
import { splitPrefix } from '../logins/registry-login.ts'
import { parseReference } from '../oci/reference.ts'
import type { TagName } from '../oci/tag.ts'
import { type Receiver, receiverOf, SILENT_AFTER } from './receiver.ts'
import { isBelow } from './scope.ts'
import { createWatchedSources } from './watched-sources.ts'

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

/** How reliably receivers announce changes. */
export type Announcements = ReturnType<typeof createAnnouncements>

/**
 * Creates the count of how reliably receivers announce changes of each source, as imports found them. A source whose changes
 * are announced before a scheduled import finds them is polled less often.
 */
export function createAnnouncements({ db, requestOf, now }: AnnouncementsDependencies) {
  const { movedTags } = createImportEffects(db)
  const { announcedInARow, forget, silentStreams } = createWatchedSources(db)
  const countAnnounced = createAnnouncedCounter(db, now)
  const { wasAnnounced, countMissed } = createMissedCounter(db, now)
  let silentUntil = Number.NEGATIVE_INFINITY

  return {
    /** Returns the factor by which polling of the source is slowed down: 1 unless its receiver has proved reliable. */
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
      // an import on a user's request says nothing: the receiver's delivery may still be on its way
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

    /** Resets what is known of the receiver. Returns the streams whose polling it had slowed down. */
    forget: (_tx: Transaction, receiverId: number): number[] => forget(receiverId),

    /** Returns the streams that rely on a receiver that has become SILENT since the last call. */
    newlySilent(): number[] {
      const until = now() - SILENT_AFTER
      const streams = silentStreams(silentUntil, until)
      silentUntil = until
      return streams
    },
  }
}

/** Returns a function that counts the moved tags of an import that receivers requested. */
function createAnnouncedCounter({ orm }: Database, now: () => number) {
  const receiversOf = (importId: number): number[] =>
    orm
      .selectDistinct({ receiverId: receiverHints.receiverId })
      .from(receiverTargets)
      .innerJoin(receiverHints, eq(receiverHints.id, receiverTargets.hintId))
      .where(eq(receiverTargets.importId, importId))
      .orderBy(receiverHints.receiverId)
      .all()
      .map(({ receiverId }) => receiverId)

  const watch = (streamId: number, tag: TagName | '', source: string, receiverId: number): void => {
    const isSame = sql`${receiverWatches.source} = excluded.source`
    const announced = sql`case when ${isSame} then ${receiverWatches.announced} + 1 else 1 end`
    orm
      .insert(receiverWatches)
      .values({ streamId, tag, source, receiverId, announced: 1 })
      .onConflictDoUpdate({
        target: [receiverWatches.streamId, receiverWatches.tag],
        set: { source, receiverId, announced },
      })
      .run()
  }

  return (importId: number, streamId: number, moved: readonly ImportedMove[]): void => {
    const ids = receiversOf(importId)
    const [first] = ids
    if (first === undefined) return
    for (const [tag, source] of new Map(moved.map((one) => [one.source, one.from]))) {
      watch(streamId, tag, source, first)
    }
    const confirmedCount = sql`${receivers.confirmedCount} + ${moved.length}`
    orm
      .update(receivers)
      .set({ confirmedCount, lastConfirmedAt: now() })
      .where(inArray(receivers.id, ids))
      .run()
  }
}

function createMissedCounter({ orm }: Database, now: () => number) {
  const hint = orm
    .select({ id: receiverHints.id })
    .from(receiverTargets)
    .innerJoin(receiverHints, eq(receiverHints.id, receiverTargets.hintId))
    .where(
      and(
        eq(receiverTargets.streamId, sql.placeholder('streamId')),
        inArray(receiverTargets.tag, [sql.placeholder('tag'), '']),
        gte(receiverHints.receivedAt, sql.placeholder('since')),
      ),
    )
    .limit(1)
    .prepare()

  return {
    /** Reports whether a hint since the time concerned the tag. */
    wasAnnounced: (streamId: number, tag: TagName, since: number): boolean =>
      hint.get({ streamId, tag, since }) !== undefined,

    /** Counts changes that no receiver announced: of their sources, and of the receivers whose scope has them. */
    countMissed(streamId: number, namespace: string, missed: readonly ImportedMove[]): void {
      // one parameter for all tags: a statement has at most 32,766
      const sources = JSON.stringify([...new Set(missed.map(({ source }) => source))])
      const isSource = sql`${receiverWatches.tag} in (select value from json_each(${sources}))`
      const isMissed = and(eq(receiverWatches.streamId, streamId), isSource)
      orm.update(receiverWatches).set({ announced: 0 }).where(isMissed).run()
      const isEnabled = and(eq(receivers.namespace, namespace), eq(receivers.enabled, 1))
      for (const receiver of orm.select().from(receivers).where(isEnabled).all().map(receiverOf)) {
        const count = missed.filter(({ from }) => isInScope(receiver, from)).length
        if (count === 0) continue
        const missedCount = sql`${receivers.missedCount} + ${count}`
        orm
          .update(receivers)
          .set({ missedCount, lastMissedAt: now() })
          .where(eq(receivers.id, receiver.id))
          .run()
      }
    },
  }
}

function isInScope(receiver: Receiver, source: string): boolean {
  const { registry, repository } = parseReference(source)
  return splitPrefix(registry).registry === receiver.registry && isBelow(receiver, repository)
}

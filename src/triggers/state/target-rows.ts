import { and, asc, count, eq, gte, isNotNull, lte, notExists, sql } from 'drizzle-orm'
import { isOneOf } from '../../db/one-of.ts'
import type { Database } from '../../db/open.ts'
import { overwriting, placeholdersOf } from '../../db/placeholders.ts'
import { imageStreams, triggerTargets as table, tags, type triggers } from '../../db/tables/index.ts'
import type { DeliveryLane } from './lane.ts'
import {
  columnsOf,
  type StateName,
  type StoredTarget,
  type Target,
  type TargetKey,
  targetOf,
} from './target.ts'

/** States of a target whose last attempt failed. */
const FAILED: readonly StateName[] = ['DEAD', 'RETRYING']

/** The access to stored targets. */
export type TargetRows = ReturnType<typeof createTargetRows>

/** Creates the access to stored targets. */
export function createTargetRows(db: Pick<Database, 'orm'>, now: () => number) {
  const { orm } = db
  const isTarget = and(
    eq(table.triggerId, sql.placeholder('triggerId')),
    eq(table.tagId, sql.placeholder('tagId')),
  )
  // the condition of the index
  const isPlanned = sql`due_at is not null and is_held = 0`
  const byKey = orm.select().from(table).where(isTarget).prepare()
  const dueOf = orm
    .select()
    .from(table)
    .where(and(eq(table.lane, sql.placeholder('lane')), isPlanned, lte(table.dueAt, sql.placeholder('now'))))
    .orderBy(asc(table.dueAt))
    .limit(sql.placeholder('limit'))
    .prepare()
  const firstOf = orm
    .select({ dueAt: table.dueAt })
    .from(table)
    .where(and(eq(table.lane, sql.placeholder('lane')), isPlanned))
    .orderBy(asc(table.dueAt))
    .limit(1)
    .prepare()

  const { id: _, ...written } = placeholdersOf(table)
  const { triggerId: _t, tagId: _g, lane: _l, isHeld: _i, stateSince: _s, ...changed } = written
  const upsert = orm
    .insert(table)
    .values(written)
    .onConflictDoUpdate({
      target: [table.triggerId, table.tagId],
      set: {
        ...overwriting(table, Object.keys(changed)),
        stateSince: sql`iif(${table.state} = excluded.state, ${table.stateSince}, excluded.state_since)`,
      },
    })
    .prepare()

  return {
    find({ triggerId, tagId }: TargetKey): StoredTarget | undefined {
      const row = byKey.get({ triggerId, tagId })
      return row && targetOf(row)
    },

    byIds: (ids: readonly number[]): Map<number, StoredTarget> =>
      new Map(
        orm
          .select()
          .from(table)
          .where(isOneOf(table.id, ids))
          .all()
          .map((row) => [row.id, targetOf(row)]),
      ),

    /** Stores a target. Of one that exists, `lane` and `isHeld` stay as they are. */
    save({ triggerId, tagId, lane, isHeld, state, approval, message, lastDeliveryId }: Target): void {
      const approved = {
        approvedEventId: approval?.eventId ?? null,
        approvedBy: approval?.by ?? null,
        approvedAt: approval?.at ?? null,
      }
      const columns = { ...columnsOf(state), ...approved, message, lastDeliveryId }
      upsert.run({ triggerId, tagId, lane, isHeld, ...columns, stateSince: now() })
    },

    /** Returns targets of a lane of which an attempt is due, those that wait longest first. */
    due: (lane: DeliveryLane, limit: number): StoredTarget[] =>
      dueOf.all({ lane, now: now(), limit }).map(targetOf),

    /** Returns when the first attempt of a lane is due, in milliseconds since 1970; undefined if none is planned. */
    firstDueAt: (lane: DeliveryLane): number | undefined => firstOf.get({ lane })?.dueAt ?? undefined,

    /** Returns the lanes of which attempts are planned. */
    plannedLanes: (): DeliveryLane[] =>
      orm
        .selectDistinct({ lane: table.lane })
        .from(table)
        .where(isPlanned)
        .all()
        .map(({ lane }) => lane),

    /** Ends the leases of a process that has ended, and waits that the clock, set back, made too long. */
    planAgain(longest: number): void {
      const at = now()
      orm
        .update(table)
        .set({
          leaseUntil: null,
          nextAt: at,
          dueAt: at,
          guard: null,
          state: sql`iif(failures > 0, 'RETRYING', 'PENDING')`,
        })
        .where(sql`${isPlanned} and (lease_until is not null or due_at > ${at + longest})`)
        .run()
    },

    /** Gives all targets of a trigger its lane, and holds or releases them. */
    setTrigger(triggerId: number, { lane, isHeld }: Pick<Target, 'lane' | 'isHeld'>): void {
      orm.update(table).set({ lane, isHeld }).where(eq(table.triggerId, triggerId)).run()
    },

    /** Deletes the targets of a trigger whose tags do not match patterns; all of them for null. Returns the ids of their tags. */
    deleteOthers(
      triggerId: number,
      matching: Pick<typeof triggers.$inferSelect, 'streams' | 'tags'> | null,
    ): number[] {
      const matches =
        matching &&
        orm
          .select({ found: sql`1` })
          .from(tags)
          .innerJoin(imageStreams, eq(imageStreams.id, tags.streamId))
          .where(
            and(
              eq(tags.id, table.tagId),
              sql`matches_glob(${matching.streams}, ${imageStreams.name})`,
              sql`matches_glob(${matching.tags}, ${tags.name})`,
            ),
          )
      return orm
        .delete(table)
        .where(and(eq(table.triggerId, triggerId), matches ? notExists(matches) : undefined))
        .returning({ tagId: table.tagId })
        .all()
        .map(({ tagId }) => tagId)
    },

    /** Plans attempts of a trigger's deliveries that failed, for good or until the next attempt, at once. */
    planFailed(triggerId: number): void {
      const at = now()
      orm
        .update(table)
        .set({ failures: 0, nextAt: at, dueAt: at, state: 'PENDING', stateSince: at, message: null })
        .where(and(eq(table.triggerId, triggerId), isOneOf(table.state, FAILED)))
        .run()
    },

    /** Forgets which deliveries of a trigger were approved: an approval is one of what was shown. */
    withdrawApprovals(triggerId: number): void {
      orm
        .update(table)
        .set({ approvedEventId: null, approvedBy: null, approvedAt: null })
        .where(and(eq(table.triggerId, triggerId), isNotNull(table.approvedEventId)))
        .run()
    },

    /** Plans a judgement of all targets of a trigger that guards hold. */
    judgeAgain(triggerId: number): void {
      const at = now()
      orm
        .update(table)
        .set({ nextAt: at, dueAt: at })
        .where(and(eq(table.triggerId, triggerId), eq(table.state, 'WAITING')))
        .run()
    },

    /** Returns targets of a trigger whose last attempt failed, for good or not, since a time, those that failed first. */
    failed: (triggerId: number, since: number, limit: number): StoredTarget[] =>
      orm
        .select()
        .from(table)
        .where(
          and(eq(table.triggerId, triggerId), isOneOf(table.state, FAILED), gte(table.stateSince, since)),
        )
        .orderBy(asc(table.stateSince))
        .limit(limit)
        .all()
        .map(targetOf),

    /** Counts the targets whose last delivery failed for good, and those of which an attempt is planned. */
    counts: (): { readonly dead: number; readonly planned: number } => ({
      dead: orm.select({ total: count() }).from(table).where(sql`state = 'DEAD'`).get()?.total ?? 0,
      planned: orm.select({ total: count() }).from(table).where(isPlanned).get()?.total ?? 0,
    }),
  }
}

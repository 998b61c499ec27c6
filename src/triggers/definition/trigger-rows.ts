import { and, asc, count, eq, gt, isNotNull, isNull, lte, type SQL, sql } from 'drizzle-orm'
import { isInNamespaces, isOneOf } from '../../db/one-of.ts'
import type { Database } from '../../db/open.ts'
import { rowsOfPage } from '../../db/page.ts'
import { triggers as table } from '../../db/tables/index.ts'
import type { KeysetPage } from '../../input/page.ts'
import { columnsOf, type Trigger, triggerOf } from './trigger.ts'

/** The access to stored triggers. */
export type TriggerRows = ReturnType<typeof createTriggerRows>

/** Creates the access to stored triggers. */
export function createTriggerRows({ orm }: Pick<Database, 'orm'>) {
  // each pass reads these
  const withIds = orm
    .select()
    .from(table)
    .where(isOneOf(table.id, sql.placeholder('ids')))
    .prepare()
  const toRead = orm
    .select()
    .from(table)
    .where(and(isNotNull(table.basesReadFrom), gt(table.id, sql.placeholder('after'))))
    .orderBy(asc(table.id))
    .limit(1)
    .prepare()
  const endedPauses = orm
    .select()
    .from(table)
    .where(and(lte(table.pausedUntil, sql.placeholder('now')), isNull(table.disabledReason)))
    .orderBy(asc(table.pausedUntil))
    .limit(100)
    .prepare()
  const nextPause = orm
    .select({ until: table.pausedUntil })
    .from(table)
    .where(and(isNotNull(table.pausedUntil), isNull(table.disabledReason)))
    .orderBy(asc(table.pausedUntil))
    .limit(1)
    .prepare()

  const byIds = (ids: readonly number[]): Map<number, Trigger> => {
    const rows = withIds.all({ ids: JSON.stringify(ids) })
    return new Map(rows.map((row) => [row.id, triggerOf(row)]))
  }

  return {
    byIds,

    byName(namespace: string, name: string): Trigger | undefined {
      const row = orm
        .select()
        .from(table)
        .where(and(eq(table.namespace, namespace), eq(table.name, name)))
        .get()
      return row && triggerOf(row)
    },

    insert: (trigger: Omit<Trigger, 'id'>): Trigger =>
      triggerOf(orm.insert(table).values(columnsOf(trigger)).returning().get()),

    update({ id, ...trigger }: Trigger): void {
      orm.update(table).set(columnsOf(trigger)).where(eq(table.id, id)).run()
    },

    delete(id: number): void {
      orm.delete(table).where(eq(table.id, id)).run()
    },

    /** Returns a page of the triggers of the namespaces, or for null of all, oldest first; its keys are [id]. */
    page(namespaces: readonly string[] | null, page: KeysetPage): Trigger[] {
      const list = { columns: [table.id], where: isInNamespaces(table.namespace, namespaces) }
      return rowsOfPage(orm.select().from(table).$dynamic(), page, list).map(triggerOf)
    },

    countOf: (namespaces: readonly string[] | null): number =>
      orm.select({ total: count() }).from(table).where(isInNamespaces(table.namespace, namespaces)).get()
        ?.total ?? 0,

    /** Counts the triggers of a namespace, and those of them whose pattern can match several streams. */
    countsOf(namespace: string): { readonly all: number; readonly patterns: number } {
      const isOfNamespace = eq(table.namespace, namespace)
      const isPattern = and(isOfNamespace, eq(table.scope, 'NAMESPACE'))
      const countWhere = (where: SQL | undefined): number =>
        orm.select({ total: count() }).from(table).where(where).get()?.total ?? 0
      return { all: countWhere(isOfNamespace), patterns: countWhere(isPattern) }
    },

    /** Returns the next trigger after one of them, in turns, of which bases of tags are still to be read. */
    withBasesToRead(after: number): Trigger | undefined {
      const row = toRead.get({ after }) ?? toRead.get({ after: 0 })
      return row && triggerOf(row)
    },

    /** Stores where to go on reading the bases of tags. */
    setBasesReadFrom(id: number, basesReadFrom: string | null): void {
      orm.update(table).set({ basesReadFrom }).where(eq(table.id, id)).run()
    },

    /** Returns the triggers whose pause has ended, the earliest first. */
    pausedUntil: (now: number): Trigger[] => endedPauses.all({ now }).map(triggerOf),

    /** Returns when the next pause ends, in milliseconds since 1970. */
    nextResumeAt: (): number | undefined => nextPause.get()?.until ?? undefined,
  }
}

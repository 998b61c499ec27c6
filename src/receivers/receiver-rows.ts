import { count, eq, inArray, sql } from 'drizzle-orm'
import { isInNamespaces } from '../db/one-of.ts'
import type { Database } from '../db/open.ts'
import { rowsOfPage } from '../db/page.ts'
import { receivers } from '../db/tables/receiver.ts'
import type { KeysetPage } from '../input/page.ts'
import { type Receiver, type ReceiverRow, receiverOf } from './receiver.ts'

/** The columns that the owner of a receiver sets. */
type ReceiverScope = Pick<Receiver, 'registry' | 'aliases' | 'repositories' | 'settings'>

/** Creates the access to stored receivers. */
export function createReceiverRows({ orm }: Database) {
  const byKey = orm
    .select()
    .from(receivers)
    .where(eq(receivers.key, sql.placeholder('key')))
    .prepare()

  return {
    /** Returns the id of the new row. */
    insert({
      at,
      ...row
    }: Pick<ReceiverRow, 'key' | 'namespace' | 'sender'> & ReceiverScope & { readonly at: number }): number {
      const values = { ...row, ...columnsOf(row), enabled: 1, createdAt: at, updatedAt: at } as const
      return Number(orm.insert(receivers).values(values).run().lastInsertRowid)
    },

    update(id: number, row: ReceiverScope & { readonly enabled: boolean; readonly at: number }): void {
      const columns = { ...columnsOf(row), enabled: row.enabled ? 1 : 0, updatedAt: row.at } as const
      orm.update(receivers).set(columns).where(eq(receivers.id, id)).run()
    },

    delete(id: number): void {
      orm.delete(receivers).where(eq(receivers.id, id)).run()
    },

    byKey(key: string): Receiver | undefined {
      const row = byKey.get({ key })
      return row && receiverOf(row)
    },

    byIds(ids: readonly number[]): Map<number, Receiver> {
      const rows = orm
        .select()
        .from(receivers)
        .where(inArray(receivers.id, [...ids]))
        .all()
      return new Map(rows.map((row) => [row.id, receiverOf(row)]))
    },

    /** Returns a page of the receivers of the namespaces, or for null of all, oldest first; its keys are [id]. */
    page(namespaces: readonly string[] | null, page: KeysetPage): Receiver[] {
      const list = { columns: [receivers.id], where: isInNamespaces(receivers.namespace, namespaces) }
      return rowsOfPage(orm.select().from(receivers).$dynamic(), page, list).map(receiverOf)
    },

    /** Returns the number of receivers of the namespaces, or for null of all. */
    countOf: (namespaces: readonly string[] | null): number =>
      orm
        .select({ total: count() })
        .from(receivers)
        .where(isInNamespaces(receivers.namespace, namespaces))
        .get()?.total ?? 0,
  }
}

const columnsOf = ({ registry, aliases, repositories, settings }: ReceiverScope) => ({
  registry,
  aliases: JSON.stringify(aliases),
  repositories: JSON.stringify(repositories),
  settings: JSON.stringify(settings),
})

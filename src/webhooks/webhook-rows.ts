import { and, count, eq, inArray, sql } from 'drizzle-orm'
import type { Database } from '../db/open.ts'
import { pageBy } from '../db/page.ts'
import { webhooks } from '../db/tables/webhook.ts'
import type { KeysetPage } from '../input/page.ts'
import { type Webhook, type WebhookRow, webhookOf } from './webhook.ts'

/** The columns that the owner of a webhook sets. */
type WebhookScope = Pick<Webhook, 'registry' | 'aliases' | 'repositories' | 'settings'>

/** Creates the access to stored webhooks. */
export function createWebhookRows({ orm }: Database) {
  const byKey = orm
    .select()
    .from(webhooks)
    .where(eq(webhooks.key, sql.placeholder('key')))
    .prepare()

  return {
    /** Returns the id of the new row. */
    insert({
      at,
      ...row
    }: Pick<WebhookRow, 'key' | 'namespace' | 'sender'> & WebhookScope & { readonly at: number }): number {
      const values = { ...row, ...columnsOf(row), enabled: 1, createdAt: at, updatedAt: at } as const
      return Number(orm.insert(webhooks).values(values).run().lastInsertRowid)
    },

    update(id: number, row: WebhookScope & { readonly enabled: boolean; readonly at: number }): void {
      const columns = { ...columnsOf(row), enabled: row.enabled ? 1 : 0, updatedAt: row.at } as const
      orm.update(webhooks).set(columns).where(eq(webhooks.id, id)).run()
    },

    delete(id: number): void {
      orm.delete(webhooks).where(eq(webhooks.id, id)).run()
    },

    byKey(key: string): Webhook | undefined {
      const row = byKey.get({ key })
      return row && webhookOf(row)
    },

    byIds(ids: readonly number[]): Map<number, Webhook> {
      const rows = orm
        .select()
        .from(webhooks)
        .where(inArray(webhooks.id, [...ids]))
        .all()
      return new Map(rows.map((row) => [row.id, webhookOf(row)]))
    },

    /** Returns a page of a namespace's webhooks, oldest first; its keys are [id]. */
    ofNamespace(namespace: string, page: KeysetPage): Webhook[] {
      const { where, orderBy, limit, inOrder } = pageBy([webhooks.id], page)
      const isOfPage = and(eq(webhooks.namespace, namespace), where)
      const rows = orm
        .select()
        .from(webhooks)
        .where(isOfPage)
        .orderBy(...orderBy)
        .limit(limit)
        .all()
      return inOrder(rows).map(webhookOf)
    },

    countOf: (namespace: string): number =>
      orm.select({ total: count() }).from(webhooks).where(eq(webhooks.namespace, namespace)).get()?.total ??
      0,
  }
}

const columnsOf = ({ registry, aliases, repositories, settings }: WebhookScope) => ({
  registry,
  aliases: JSON.stringify(aliases),
  repositories: JSON.stringify(repositories),
  settings: JSON.stringify(settings),
})

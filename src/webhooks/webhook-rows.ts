import { and, count, eq, inArray, sql } from 'drizzle-orm'
import type { Database } from '../db/open.ts'
import { pageBy } from '../db/page.ts'
import { webhooks } from '../db/tables/webhook.ts'
import type { KeysetPage } from '../input/page.ts'
import { type Webhook, type WebhookRow, type WebhookSettings, webhookOf } from './webhook.ts'

/** The columns that the owner of a webhook sets. */
export interface WebhookScope {
  readonly registry: string
  readonly aliases: readonly string[]
  readonly repositories: readonly string[]
  readonly settings: WebhookSettings
}

/** Stored webhooks. */
export interface WebhookRows {
  /** Returns the id of the new row. */
  insert(
    row: Pick<WebhookRow, 'key' | 'namespace' | 'sender'> & WebhookScope & { readonly at: number },
  ): number
  update(id: number, row: WebhookScope & { readonly enabled: boolean; readonly at: number }): void
  delete(id: number): void
  byKey(key: string): Webhook | undefined
  byIds(ids: readonly number[]): Map<number, Webhook>
  /** Returns a page of a namespace's webhooks, oldest first; its keys are [id]. */
  ofNamespace(namespace: string, page: KeysetPage): Webhook[]
  countOf(namespace: string): number
}

export function createWebhookRows({ orm }: Database): WebhookRows {
  const byKey = orm
    .select()
    .from(webhooks)
    .where(eq(webhooks.key, sql.placeholder('key')))
    .prepare()

  return {
    insert({ at, aliases, repositories, settings, ...row }) {
      const columns = { ...row, ...jsonOf({ aliases, repositories, settings }) }
      const values = { ...columns, enabled: 1, createdAt: at, updatedAt: at } as const
      return Number(orm.insert(webhooks).values(values).run().lastInsertRowid)
    },
    update(id, { registry, aliases, repositories, settings, enabled, at }) {
      const columns = { registry, ...jsonOf({ aliases, repositories, settings }) }
      orm
        .update(webhooks)
        .set({ ...columns, enabled: enabled ? 1 : 0, updatedAt: at })
        .where(eq(webhooks.id, id))
        .run()
    },
    delete(id) {
      orm.delete(webhooks).where(eq(webhooks.id, id)).run()
    },
    byKey(key) {
      const row = byKey.get({ key })
      return row && webhookOf(row)
    },
    byIds: (ids) =>
      new Map(
        orm
          .select()
          .from(webhooks)
          .where(inArray(webhooks.id, [...ids]))
          .all()
          .map((row) => [row.id, webhookOf(row)]),
      ),
    ofNamespace(namespace, page) {
      const { where, orderBy, limit, inOrder } = pageBy([webhooks.id], page)
      return inOrder(
        orm
          .select()
          .from(webhooks)
          .where(and(eq(webhooks.namespace, namespace), where))
          .orderBy(...orderBy)
          .limit(limit)
          .all(),
      ).map(webhookOf)
    },
    countOf: (namespace) =>
      orm.select({ total: count() }).from(webhooks).where(eq(webhooks.namespace, namespace)).get()?.total ??
      0,
  }
}

const jsonOf = ({ aliases, repositories, settings }: Omit<WebhookScope, 'registry'>) => ({
  aliases: JSON.stringify(aliases),
  repositories: JSON.stringify(repositories),
  settings: JSON.stringify(settings),
})

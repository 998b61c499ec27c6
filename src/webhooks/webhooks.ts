import type { Database } from '../db/open.ts'
import { keyset } from '../db/page.ts'
import { columnsOf } from '../db/rows.ts'
import { webhooks as webhooksTable } from '../db/tables/webhook.ts'
import type { Transaction } from '../db/transact.ts'
import { InvalidInputError, NotFoundError } from '../input/errors.ts'
import { checkNamespace } from '../input/names.ts'
import type { KeysetPage } from '../input/page.ts'
import type { SenderKind } from '../vendors/delivery/sender.ts'
import type { Senders } from '../vendors/senders.ts'
import type { LiveSecret, WebhookSecrets } from './secrets.ts'
import { type Webhook, webhookOf } from './webhook.ts'
import {
  checkAliases,
  checkRegistry,
  checkRepositories,
  checkSettings,
  type ScopeInput,
} from './webhook-input.ts'

type Row = typeof webhooksTable.$inferSelect

/** The webhooks of namespaces, as they are kept. */
export interface Webhooks {
  /** Throws InvalidInputError. */
  create(input: CreateWebhook): IssuedWebhook
  /** Throws NotFoundError, InvalidInputError. */
  update(input: UpdateWebhook): Webhook
  /**
   * A new secret; the one before is believed for so many milliseconds more, null: until it is dropped.
   * Throws NotFoundError, InvalidInputError.
   */
  rotate(id: number, keepOldFor: number | null): IssuedWebhook
  /** What it was. Throws NotFoundError. */
  delete(id: number): Webhook
  byKey(key: string): Webhook | undefined
  byIds(ids: readonly number[]): Map<number, Webhook>
  /** A page of a namespace's, oldest first; its keys are [id]. */
  ofNamespace(namespace: string, page: KeysetPage): Webhook[]
  countOf(namespace: string): number
  secretsOf(ids: readonly number[]): Map<number, LiveSecret[]>
}

export interface CreateWebhook extends ScopeInput {
  readonly namespace: string
  readonly sender: SenderKind
}

/** What is not said stays as it is. */
export interface UpdateWebhook extends ScopeInput {
  readonly id: number
  readonly enabled?: boolean | null | undefined
  /** Believes only the newest secret from now on. */
  readonly dropOldSecret: boolean
}

/** A webhook, and the secret that is shown this once; null where the sender's platform signs. */
export interface IssuedWebhook {
  readonly webhook: Webhook
  readonly secret: string | null
}

export interface WebhooksDependencies {
  readonly db: Database
  readonly senders: Senders
  readonly secrets: WebhookSecrets
  /** The part of a URL that nobody can guess. */
  readonly randomKey: () => string
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Runs in the transaction that took away what somebody may have relied on. */
  readonly onWeakened: (tx: Transaction, webhookId: number) => void
}

/** Webhooks of one namespace. */
export const MAX_WEBHOOKS = 200

const COLUMNS = columnsOf(webhooksTable, 'w')

export function createWebhooks(dependencies: WebhooksDependencies): Webhooks {
  const { db, senders, secrets, randomKey, now, onWeakened } = dependencies
  const byKey = db.prepare<Row>(`select ${COLUMNS} from webhooks w where w.key = ?`)
  const byIds = db.prepare<Row>(
    `select ${COLUMNS} from webhooks w where w.id in (select value from json_each(?))`,
  )
  const count = db.prepare<{ total: number }>('select count(*) as total from webhooks where namespace = ?')
  const insert = db.prepare(
    `insert into webhooks (key, namespace, sender, registry, aliases, repositories, settings, enabled, created_at, updated_at)
     values (?, ?, ?, ?, ?, ?, ?, 1, ?, ?)`,
  )
  const write = db.prepare(
    `update webhooks set registry = ?, aliases = ?, repositories = ?, settings = ?, enabled = ?, updated_at = ?
     where id = ?`,
  )
  const remove = db.prepare('delete from webhooks where id = ?')

  const find = (id: number): Webhook => {
    const [row] = byIds.all(JSON.stringify([id]))
    if (!row) throw new NotFoundError('there is no webhook of this id')
    return webhookOf(row)
  }

  const issue = (tx: Transaction, webhook: Webhook, oldUntil: number | null): string | null =>
    senders[webhook.sender].authenticity === 'JWT' ? null : secrets.issue(tx, webhook, oldUntil)

  return {
    create({ namespace, sender: kind, ...scope }) {
      checkNamespace(namespace)
      const sender = senders[kind]
      const registry = checkRegistry(scope.registry, sender)
      const columns = [
        registry,
        JSON.stringify(checkAliases(scope.aliases ?? [])),
        JSON.stringify(checkRepositories(scope.repositories ?? [], registry)),
        JSON.stringify(checkSettings(scope.settings ?? {}, sender)),
      ]
      return db.transact((tx) => {
        if ((count.get(namespace)?.total ?? 0) >= MAX_WEBHOOKS) {
          throw new InvalidInputError('namespace', `a namespace has at most ${MAX_WEBHOOKS} webhooks`)
        }
        const at = now()
        const webhook = find(insert.insert(randomKey(), namespace, kind, ...columns, at, at))
        return { webhook, secret: issue(tx, webhook, null) }
      })
    },

    update: ({ id, enabled, dropOldSecret, ...scope }) =>
      db.transact((tx) => {
        const old = find(id)
        const sender = senders[old.sender]
        const registry = scope.registry == null ? old.registry : checkRegistry(scope.registry, sender)
        const { aliases, repositories, settings } = scope
        write.run(
          registry,
          JSON.stringify(aliases ? checkAliases(aliases) : old.aliases),
          JSON.stringify(repositories ? checkRepositories(repositories, registry) : old.repositories),
          JSON.stringify(settings ? checkSettings({ ...old.settings, ...settings }, sender) : old.settings),
          (enabled ?? old.enabled) ? 1 : 0,
          now(),
          id,
        )
        if (dropOldSecret) secrets.dropOld(tx, id)
        const written = find(id)
        if (!written.enabled || registry !== old.registry || repositories) onWeakened(tx, id)
        return written
      }),

    rotate: (id, keepOldFor) =>
      db.transact((tx) => {
        const webhook = find(id)
        const { authenticity, title } = senders[webhook.sender]
        if (authenticity === 'JWT') {
          throw new InvalidInputError(
            'id',
            `there is no secret to rotate: ${title} signs with keys of its own`,
          )
        }
        return { webhook, secret: issue(tx, webhook, keepOldFor === null ? null : now() + keepOldFor) }
      }),

    delete: (id) =>
      db.transact((tx) => {
        const webhook = find(id)
        onWeakened(tx, id)
        remove.run(id)
        return webhook
      }),

    byKey(key) {
      const row = byKey.get(key)
      return row && webhookOf(row)
    },
    byIds: (ids) => new Map(byIds.all(JSON.stringify(ids)).map((row) => [row.id, webhookOf(row)])),
    ofNamespace(namespace, page) {
      const { condition, keys, orderBy, limit, inOrder } = keyset(page, [{ column: 'id' }])
      const where = ['namespace = ?', ...condition].join(' and ')
      return inOrder(
        db
          .prepare<Row>(`select ${COLUMNS} from webhooks w where ${where} order by ${orderBy} limit ?`)
          .all(namespace, ...keys, limit),
      ).map(webhookOf)
    },
    countOf: (namespace) => count.get(namespace)?.total ?? 0,
    secretsOf: (ids) => secrets.live(ids),
  }
}

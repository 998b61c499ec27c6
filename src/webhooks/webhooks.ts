import type { Database } from '../db/open.ts'
import type { Transaction } from '../db/transact.ts'
import { InvalidInputError, NotFoundError } from '../input/errors.ts'
import { checkNamespace } from '../input/names.ts'
import type { SenderKind, Senders } from '../vendors/senders.ts'
import type { SecretLifetime, WebhookSecrets } from './secrets.ts'
import type { Webhook } from './webhook.ts'
import {
  checkAliases,
  checkRegistry,
  checkRepositories,
  checkSettings,
  type WebhookScopeInput,
} from './webhook-input.ts'
import { createWebhookRows, type WebhookRows } from './webhook-rows.ts'

/** The webhooks of all namespaces. */
export interface Webhooks extends Pick<WebhookRows, 'byKey' | 'byIds' | 'ofNamespace' | 'countOf'> {
  /** Throws InvalidInputError. */
  create(input: CreateWebhook): IssuedWebhook
  /** Throws NotFoundError, InvalidInputError. */
  update(input: UpdateWebhook): Webhook
  /**
   * Creates a new secret. The old one stays valid for `keepOldFor` milliseconds; null: until it is dropped. Throws
   * NotFoundError, InvalidInputError.
   */
  rotate(id: number, keepOldFor: number | null): IssuedWebhook
  /** Returns the deleted webhook. Throws NotFoundError. */
  delete(id: number): Webhook
  /** Returns the lifetimes of the valid secrets of each webhook. */
  secretsOf(ids: readonly number[]): Map<number, SecretLifetime[]>
}

export interface CreateWebhook extends WebhookScopeInput {
  readonly namespace: string
  readonly sender: SenderKind
}

/** Changes of a webhook; null and undefined leave a field as it is. */
export interface UpdateWebhook extends WebhookScopeInput {
  readonly id: number
  readonly enabled?: boolean | null | undefined
  /** True to make the newest secret the only valid one. */
  readonly dropOldSecret: boolean
}

/** A webhook with its new secret, which cannot be read again; null for senders whose platform signs deliveries. */
export interface IssuedWebhook {
  readonly webhook: Webhook
  readonly secret: string | null
}

export interface WebhooksDependencies {
  readonly db: Database
  readonly senders: Senders
  readonly secrets: WebhookSecrets
  /** Returns an unpredictable key for a URL. */
  readonly randomKey: () => string
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Runs in the transaction that disables or deletes a webhook, or changes its scope. */
  readonly onWeakened: (tx: Transaction, webhookId: number) => void
}

/** Webhooks of one namespace. */
export const MAX_WEBHOOKS = 200

export function createWebhooks(dependencies: WebhooksDependencies): Webhooks {
  const { db, senders, secrets, randomKey, now, onWeakened } = dependencies
  const rows = createWebhookRows(db)

  const find = (id: number): Webhook => {
    const webhook = rows.byIds([id]).get(id)
    if (!webhook) throw new NotFoundError('no webhook has this id')
    return webhook
  }
  const issue = (tx: Transaction, webhook: Webhook, oldUntil: number | null): string | null =>
    senders[webhook.sender].authenticity === 'JWT' ? null : secrets.issue(tx, webhook, oldUntil)

  return {
    ...rows,

    create({ namespace, sender: kind, ...input }) {
      checkNamespace(namespace)
      const sender = senders[kind]
      const registry = checkRegistry(input.registry, sender)
      const scope = {
        registry,
        aliases: checkAliases(input.aliases ?? []),
        repositories: checkRepositories(input.repositories ?? [], registry),
        settings: checkSettings(input.settings ?? {}, sender),
      }
      return db.transact((tx) => {
        if (rows.countOf(namespace) >= MAX_WEBHOOKS) {
          throw new InvalidInputError('namespace', `a namespace has at most ${MAX_WEBHOOKS} webhooks`)
        }
        const id = rows.insert({ key: randomKey(), namespace, sender: kind, ...scope, at: now() })
        const webhook = find(id)
        return { webhook, secret: issue(tx, webhook, null) }
      })
    },

    update: ({ id, enabled, dropOldSecret, ...input }) =>
      db.transact((tx) => {
        const old = find(id)
        const sender = senders[old.sender]
        const registry = input.registry == null ? old.registry : checkRegistry(input.registry, sender)
        const { aliases, repositories, settings } = input
        rows.update(id, {
          registry,
          aliases: aliases ? checkAliases(aliases) : old.aliases,
          repositories: repositories ? checkRepositories(repositories, registry) : old.repositories,
          settings: settings ? checkSettings({ ...old.settings, ...settings }, sender) : old.settings,
          enabled: enabled ?? old.enabled,
          at: now(),
        })
        if (dropOldSecret) secrets.dropOld(tx, id)
        const updated = find(id)
        if (!updated.enabled || registry !== old.registry || repositories) onWeakened(tx, id)
        return updated
      }),

    rotate: (id, keepOldFor) =>
      db.transact((tx) => {
        const webhook = find(id)
        const { authenticity, title } = senders[webhook.sender]
        if (authenticity === 'JWT') {
          throw new InvalidInputError(
            'id',
            `there is no secret to rotate: ${title} signs deliveries with its own keys`,
          )
        }
        return { webhook, secret: issue(tx, webhook, keepOldFor === null ? null : now() + keepOldFor) }
      }),

    delete: (id) =>
      db.transact((tx) => {
        const webhook = find(id)
        onWeakened(tx, id)
        rows.delete(id)
        return webhook
      }),

    secretsOf: (ids) => secrets.live(ids),
  }
}

import type { Transaction } from '../db/transact.ts'
import type { Schedules } from '../imagestream/schedule/schedule.ts'
import { InvalidInputError, NotFoundError } from '../input/errors.ts'
import { checkNamespace } from '../input/names.ts'
import { checkRange } from '../input/range.ts'
import type { SenderKind } from '../vendors/senders.ts'
import type { Announcements } from './announcements.ts'
import type { WebhookContext } from './context.ts'
import type { Webhook } from './webhook.ts'
import {
  checkAliases,
  checkRegistry,
  checkRepositories,
  checkSettings,
  type WebhookScopeInput,
} from './webhook-input.ts'
import { createWebhookRows } from './webhook-rows.ts'

/** A new webhook. */
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

export interface WebhooksDependencies extends WebhookContext {
  /** Returns an unpredictable key for a URL. */
  readonly randomKey: () => string
  readonly announcements: Pick<Announcements, 'forget'>
  readonly schedules: Pick<Schedules, 'quicken'>
}

/** The webhooks of all namespaces. */
export type Webhooks = ReturnType<typeof createWebhooks>

/** Webhooks of one namespace. */
export const MAX_WEBHOOKS = 200

/** Longest time for which a rotated secret stays valid: 90 days. */
export const MAX_OVERLAP_MINUTES = 90 * 24 * 60

/** Creates the webhooks of all namespaces. */
export function createWebhooks(dependencies: WebhooksDependencies) {
  const { db, senders, secrets, randomKey, now, announcements, schedules } = dependencies
  const { insert, update, delete: remove, ...rows } = createWebhookRows(db)

  const find = (id: number): Webhook => {
    const webhook = rows.byIds([id]).get(id)
    if (!webhook) throw new NotFoundError('no webhook has this id')
    return webhook
  }
  const issue = (tx: Transaction, webhook: Webhook, oldUntil: number | null): string | null =>
    senders[webhook.sender].authenticity === 'JWT' ? null : secrets.issue(tx, webhook, oldUntil)
  /** Restores the usual polling of the sources of a webhook that is disabled or deleted, or gets another scope. */
  const quicken = (tx: Transaction, id: number): void => schedules.quicken(tx, announcements.forget(tx, id))

  return {
    ...rows,

    /** Returns a webhook. Throws NotFoundError. */
    find,

    /** Creates a webhook. Throws InvalidInputError. */
    create({ namespace, sender: kind, ...input }: CreateWebhook): IssuedWebhook {
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
        const id = insert({ key: randomKey(), namespace, sender: kind, ...scope, at: now() })
        const webhook = find(id)
        return { webhook, secret: issue(tx, webhook, null) }
      })
    },

    /** Changes a webhook. Throws NotFoundError, InvalidInputError. */
    update: ({ id, enabled, dropOldSecret, ...input }: UpdateWebhook): Webhook =>
      db.transact((tx) => {
        const old = find(id)
        const sender = senders[old.sender]
        const registry = input.registry == null ? old.registry : checkRegistry(input.registry, sender)
        const { aliases, repositories, settings } = input
        update(id, {
          registry,
          aliases: aliases ? checkAliases(aliases) : old.aliases,
          repositories: repositories ? checkRepositories(repositories, registry) : old.repositories,
          settings: settings ? checkSettings({ ...old.settings, ...settings }, sender) : old.settings,
          enabled: enabled ?? old.enabled,
          at: now(),
        })
        if (dropOldSecret) secrets.dropOld(tx, id)
        const updated = find(id)
        if (!updated.enabled || registry !== old.registry || repositories) quicken(tx, id)
        return updated
      }),

    /**
     * Creates a new secret. The old one stays valid for `keepOldMinutes`, at most `MAX_OVERLAP_MINUTES`; null: until it is
     * dropped. Throws NotFoundError, InvalidInputError.
     */
    rotate: (id: number, keepOldMinutes: number | null): IssuedWebhook =>
      db.transact((tx) => {
        const webhook = find(id)
        if (keepOldMinutes !== null) checkRange('keepOldMinutes', keepOldMinutes, 0, MAX_OVERLAP_MINUTES)
        const { authenticity, title } = senders[webhook.sender]
        if (authenticity === 'JWT') {
          throw new InvalidInputError(
            'id',
            `there is no secret to rotate: ${title} signs deliveries with its own keys`,
          )
        }
        return {
          webhook,
          secret: issue(tx, webhook, keepOldMinutes === null ? null : now() + keepOldMinutes * 60_000),
        }
      }),

    /** Deletes a webhook, and returns it. Throws NotFoundError. */
    delete: (id: number): Webhook =>
      db.transact((tx) => {
        const webhook = find(id)
        quicken(tx, id)
        remove(id)
        return webhook
      }),

    /** Returns the lifetimes of the valid secrets of each webhook. */
    secretsOf: secrets.live,
  }
}

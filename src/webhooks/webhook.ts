import type { webhooks } from '../db/tables/webhook.ts'
import type { SenderSettings } from '../vendors/delivery/sender.ts'
import type { SenderKind } from '../vendors/senders.ts'

export type WebhookRow = typeof webhooks.$inferSelect

/** A URL to which a sender delivers notifications of pushes, and their scope. Times are milliseconds since 1970. */
export interface Webhook
  extends Omit<WebhookRow, 'sender' | 'aliases' | 'repositories' | 'settings' | 'enabled' | 'registry'> {
  readonly sender: SenderKind
  /** `host[:port]` of the registry that its hints are about, in lower case; Docker Hub is `docker.io`. */
  readonly registry: string
  /** Other hosts by which the sender may name that registry. */
  readonly aliases: readonly string[]
  /** Paths of whole segments that hints may be about; empty for every repository. */
  readonly repositories: readonly string[]
  readonly settings: WebhookSettings
  readonly enabled: boolean
}

/** Settings of the sender other than the registry; null for a setting that is not set. */
export type WebhookSettings = Omit<SenderSettings, 'registry'>

/** Milliseconds without a delivery after which polling no longer relies on a webhook. */
export const SILENT_AFTER = 72 * 3_600_000

/** Health of a webhook. */
export type WebhookState = 'DISABLED' | 'WAITING' | 'HEALTHY' | 'SILENT' | 'FAILING'

/** Returns the health of a webhook: `FAILING` when its newest delivery could not be used, `WAITING` before the first. */
export function stateOf(webhook: Webhook, now: number): WebhookState {
  if (!webhook.enabled) return 'DISABLED'
  if (webhook.trouble !== null) return 'FAILING'
  if (webhook.acceptedAt === null) return 'WAITING'
  return now - webhook.acceptedAt > SILENT_AFTER ? 'SILENT' : 'HEALTHY'
}

/** Returns the webhook of a row. */
export const webhookOf = (row: WebhookRow): Webhook => ({
  ...row,
  sender: row.sender as SenderKind,
  aliases: JSON.parse(row.aliases),
  repositories: JSON.parse(row.repositories),
  settings: JSON.parse(row.settings),
  enabled: row.enabled === 1,
})

/** Returns all settings of the webhook's sender. */
export const settingsOf = ({ registry, settings }: Webhook): SenderSettings => ({ ...settings, registry })

/** Path of all webhooks, with the last slash. */
export const WEBHOOKS_PATH = '/webhooks/'

/** Returns `/webhooks/<key>`. */
export const pathOf = ({ key }: Pick<Webhook, 'key'>): string => `${WEBHOOKS_PATH}${key}`

import type { webhooks } from '../db/tables/webhook.ts'
import type { SenderKind, SenderSettings } from '../vendors/delivery/sender.ts'

type Row = typeof webhooks.$inferSelect

/** An address that a sender tells of pushes at, and what it may tell of. Times are milliseconds since 1970. */
export interface Webhook
  extends Omit<Row, 'sender' | 'aliases' | 'repositories' | 'settings' | 'enabled' | 'registry'> {
  readonly sender: SenderKind
  /** `host[:port]` that its hints are about, in lower case; Docker Hub is `docker.io`. */
  readonly registry: string
  /** Other hosts under which the sender may know that registry. */
  readonly aliases: readonly string[]
  /** Paths of whole segments; none: every repository. */
  readonly repositories: readonly string[]
  readonly settings: OwnSettings
  readonly enabled: boolean
}

/** What a sender may want to know that is not the webhook's registry; null where nothing is said. */
export type OwnSettings = Omit<SenderSettings, 'registry'>

/** Hours that a sender may say nothing at all before polling no longer relies on it. */
export const SILENT_AFTER = 72 * 3_600_000

/** How it goes with a webhook. */
export type WebhookState = 'DISABLED' | 'WAITING' | 'HEALTHY' | 'SILENT' | 'FAILING'

/** Whether one can rely on it: `FAILING` when what came last could not be used, `WAITING` before the first delivery. */
export function stateOf(webhook: Webhook, now: number): WebhookState {
  if (!webhook.enabled) return 'DISABLED'
  if (webhook.trouble !== null) return 'FAILING'
  if (webhook.acceptedAt === null) return 'WAITING'
  return now - webhook.acceptedAt > SILENT_AFTER ? 'SILENT' : 'HEALTHY'
}

export const webhookOf = (row: Row): Webhook => ({
  ...row,
  sender: row.sender as SenderKind,
  aliases: JSON.parse(row.aliases),
  repositories: JSON.parse(row.repositories),
  settings: JSON.parse(row.settings),
  enabled: row.enabled === 1,
})

/** The settings as its sender reads them. */
export const settingsOf = ({ registry, settings }: Webhook): SenderSettings => ({ ...settings, registry })

/** `/webhooks/<key>`. */
export const pathOf = ({ key }: Pick<Webhook, 'key'>): string => `${WEBHOOKS_PATH}${key}`

export const WEBHOOKS_PATH = '/webhooks/'

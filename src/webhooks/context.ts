import type { Database } from '../db/open.ts'
import type { Senders } from '../vendors/senders.ts'
import type { WebhookSecrets } from './secrets.ts'

/** What several parts of the webhooks use. */
export interface WebhookContext {
  readonly db: Database
  readonly senders: Senders
  readonly secrets: WebhookSecrets
  /** Returns the URL by which clients reach this server: `https://streams.example`. */
  readonly publicUrl: () => string
  /** Milliseconds since 1970. */
  readonly now: () => number
}

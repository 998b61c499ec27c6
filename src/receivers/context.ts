import type { Database } from '../db/open.ts'
import type { Senders } from '../vendors/senders.ts'
import type { ReceiverSecrets } from './secrets.ts'

/** What several parts of the receivers use. */
export interface ReceiverContext {
  readonly db: Database
  readonly senders: Senders
  readonly secrets: ReceiverSecrets
  /** Returns the URL by which clients reach this server: `https://streams.example`. */
  readonly publicUrl: () => string
  /** Milliseconds since 1970. */
  readonly now: () => number
}

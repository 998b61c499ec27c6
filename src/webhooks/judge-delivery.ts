import { type Delivery, InvalidDeliveryError, type ParsedDelivery } from '../vendors/delivery/delivery.ts'
import type { Senders } from '../vendors/senders.ts'
import type { DeliveryOutcome } from './delivery-log.ts'
import { type ScopedHint, scopeOf } from './scope.ts'
import type { WebhookSecrets } from './secrets.ts'
import { pathOf, settingsOf, type Webhook } from './webhook.ts'

/** The result of authenticating and reading a delivery, before it is stored. */
export interface DeliveryVerdict {
  readonly outcome: DeliveryOutcome
  /** Why the delivery has no hints for this webhook; null for an accepted one. */
  readonly reason: string | null
  /** Null when the delivery was not authenticated or could not be read. */
  readonly parsed: ParsedDelivery | null
  readonly hints: readonly ScopedHint[]
  /** True when the sender should send the same delivery again later. */
  readonly isTemporary?: boolean
}

export interface DeliveryJudgeDependencies {
  readonly senders: Senders
  readonly secrets: Pick<WebhookSecrets, 'open'>
  /** Returns the URL by which clients reach this server: `https://streams.example`. */
  readonly publicUrl: () => string
  /** Receives the error when the secrets of a webhook cannot be opened. */
  readonly onBroken: (error: unknown, webhookId: number) => void
}

/**
 * Authenticates and reads a delivery, and keeps the hints that are in the webhook's scope. A test of a sender whose
 * platform signs tokens (`JWT`) skips authentication, because this server cannot create such a token.
 */
export type JudgeDelivery = (
  webhook: Webhook,
  delivery: Delivery,
  isTest: boolean,
) => Promise<DeliveryVerdict>

export function createDeliveryJudge(dependencies: DeliveryJudgeDependencies): JudgeDelivery {
  const { senders, secrets, publicUrl, onBroken } = dependencies

  const openSecrets = (webhook: Webhook): readonly string[] | undefined => {
    try {
      return secrets.open(webhook)
    } catch (error) {
      onBroken(error, webhook.id)
      return undefined
    }
  }

  return async (webhook, delivery, isTest) => {
    const sender = senders[webhook.sender]
    const opened = openSecrets(webhook)
    if (!opened) return rejected('FAILED', 'the secret of this webhook cannot be opened: rotate it', true)
    const settings = settingsOf(webhook)
    if (!(isTest && sender.authenticity === 'JWT')) {
      const endpoint = { url: publicUrl() + pathOf(webhook), settings }
      const authentication = await sender.authenticate(delivery, opened, endpoint)
      if (!authentication.ok) {
        return rejected('REFUSED', authentication.reason, authentication.isTemporary)
      }
    }
    let parsed: ParsedDelivery
    try {
      parsed = sender.read(delivery, settings)
    } catch (error) {
      // a repeated delivery would be as invalid: the response is a 200, so that the sender goes on with the next one
      if (error instanceof InvalidDeliveryError) return rejected('FAILED', error.message)
      throw error
    }
    const { allowed, reason } = scopeOf(webhook, parsed.hints)
    return allowed.length > 0
      ? { outcome: 'ACCEPTED', reason: null, parsed, hints: allowed }
      : { outcome: 'IGNORED', reason: reason ?? 'the delivery reports no push', parsed, hints: [] }
  }
}

const rejected = (outcome: DeliveryOutcome, reason: string, isTemporary = false): DeliveryVerdict => ({
  outcome,
  reason: printable(reason),
  parsed: null,
  hints: [],
  isTemporary,
})

const MAX_TEXT = 500

/** Returns a sender's text as one line of bounded length, for the log. */
export const printable = (text: string): string =>
  text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e]+/gu, ' ').slice(0, MAX_TEXT)

import {
  type Delivery,
  type DeliveryResponse,
  InvalidDeliveryError,
  type ParsedDelivery,
} from '../vendors/delivery/delivery.ts'
import type { WebhookContext } from './context.ts'
import type { DeliveryOutcome } from './delivery-log.ts'
import { type ScopedHint, scopeOf } from './scope.ts'
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

/**
 * Returns a function that authenticates and reads a delivery, and keeps the hints that are in the webhook's scope. A test of a
 * sender whose platform signs tokens (`JWT`) skips authentication, because this server cannot create such a token.
 * `onBroken` receives the error when the secrets of a webhook cannot be opened.
 */
export function createDeliveryJudge(
  { senders, secrets, publicUrl }: WebhookContext,
  onBroken: (error: unknown, webhookId: number) => void,
) {
  const openSecrets = (webhook: Webhook): readonly string[] | undefined => {
    try {
      return secrets.open(webhook)
    } catch (error) {
      onBroken(error, webhook.id)
      return undefined
    }
  }

  return async (webhook: Webhook, delivery: Delivery, isTest: boolean): Promise<DeliveryVerdict> => {
    const sender = senders[webhook.sender]
    const opened = openSecrets(webhook)
    if (!opened)
      return rejected(
        'FAILED',
        'the secret of this webhook cannot be opened: rotate it with rotateWebhookSecret',
        true,
      )
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

/** Seconds after which a sender should repeat a delivery that could not be verified. */
const RETRY_AFTER = 60

/** Response to a delivery whose webhook was deleted or disabled before the delivery was stored. */
export const GONE: DeliveryResponse = { status: 404, body: { error: 'not found' } }

/** Returns the response to a delivery that exceeds the rate limit. */
export const tooManyDeliveries = (seconds: number): DeliveryResponse => ({
  status: 429,
  body: { error: 'too many deliveries' },
  headers: { 'Retry-After': String(seconds) },
})

/** Returns the response for an outcome, which is the verdict's own unless the delivery is a duplicate. */
export function responseOf(
  outcome: DeliveryOutcome,
  { reason, parsed, hints, isTemporary }: DeliveryVerdict,
): DeliveryResponse {
  if (parsed?.handshake) return parsed.handshake
  if (isTemporary) {
    return {
      status: 503,
      body: { error: 'the delivery cannot be verified at the moment' },
      headers: { 'Retry-After': String(RETRY_AFTER) },
    }
  }
  // only the log has the reason: a response with it would help an attacker
  if (outcome === 'REFUSED') return { status: 401, body: { error: 'unauthorized' } }
  return outcome === 'ACCEPTED'
    ? { status: 202, body: { outcome, hints: hints.length } }
    : { status: 200, body: { outcome, ...(outcome !== 'DUPLICATE' && { reason }) } }
}

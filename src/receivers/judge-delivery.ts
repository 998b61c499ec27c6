import { onOneLine } from '../oci/control-characters.ts'
import {
  type Delivery,
  type DeliveryResponse,
  InvalidDeliveryError,
  type ParsedDelivery,
} from '../vendors/delivery/delivery.ts'
import type { ReceiverContext } from './context.ts'
import type { DeliveryOutcome } from './delivery-log.ts'
import { pathOf, type Receiver, settingsOf } from './receiver.ts'
import { type ScopedHint, scopeOf } from './scope.ts'

/** The result of authenticating and reading a delivery, before it is stored. */
export interface DeliveryVerdict {
  readonly outcome: DeliveryOutcome
  /** Why the delivery has no hints for this receiver; null for an accepted one. */
  readonly message: string | null
  /** Null when the delivery was not authenticated or could not be read. */
  readonly parsed: ParsedDelivery | null
  readonly hints: readonly ScopedHint[]
  /** True when the sender should send the same delivery again later. */
  readonly isTemporary?: boolean
}

/**
 * Returns a function that authenticates and reads a delivery, and keeps the hints that are in the receiver's scope. A test of a
 * sender whose platform signs tokens (`JWT`) skips authentication, because this server cannot create such a token.
 * `onBroken` receives the error when the secrets of a receiver cannot be opened.
 */
export function createDeliveryJudge(
  { senders, secrets, publicUrl }: ReceiverContext,
  onBroken: (error: unknown, receiverId: number) => void,
) {
  const openSecrets = (receiver: Receiver): readonly string[] | undefined => {
    try {
      return secrets.open(receiver)
    } catch (error) {
      onBroken(error, receiver.id)
      return undefined
    }
  }

  return async (receiver: Receiver, delivery: Delivery, isTest: boolean): Promise<DeliveryVerdict> => {
    const sender = senders[receiver.sender]
    const opened = openSecrets(receiver)
    if (!opened)
      return rejected(
        'FAILED',
        'the secret of this receiver cannot be opened: rotate it with rotateReceiverSecret',
        true,
      )
    const settings = settingsOf(receiver)
    if (!(isTest && sender.authenticity === 'JWT')) {
      const endpoint = { url: publicUrl() + pathOf(receiver), settings }
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
    const { allowed, message } = scopeOf(receiver, parsed.hints)
    return allowed.length > 0
      ? { outcome: 'ACCEPTED', message: null, parsed, hints: allowed }
      : { outcome: 'IGNORED', message: message ?? 'the delivery reports no push', parsed, hints: [] }
  }
}

const rejected = (outcome: DeliveryOutcome, message: string, isTemporary = false): DeliveryVerdict => ({
  outcome,
  message: printable(message),
  parsed: null,
  hints: [],
  isTemporary,
})

const MAX_TEXT = 500

/** Returns a sender's text as one line of bounded length, for the log. */
export const printable = (text: string): string => onOneLine(text).slice(0, MAX_TEXT)

/** Seconds after which a sender should repeat a delivery that could not be verified. */
const RETRY_AFTER = 60

/** Response to a delivery whose receiver was deleted or disabled before the delivery was stored. */
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
  { message, parsed, hints, isTemporary }: DeliveryVerdict,
): DeliveryResponse {
  if (parsed?.handshake) return parsed.handshake
  if (isTemporary) {
    return {
      status: 503,
      body: { error: 'the delivery cannot be verified at the moment' },
      headers: { 'Retry-After': String(RETRY_AFTER) },
    }
  }
  // only the log has the message: a response with it would help an attacker
  if (outcome === 'REFUSED') return { status: 401, body: { error: 'unauthorized' } }
  return outcome === 'ACCEPTED'
    ? { status: 202, body: { outcome, hints: hints.length } }
    : { status: 200, body: { outcome, ...(outcome !== 'DUPLICATE' && { message }) } }
}

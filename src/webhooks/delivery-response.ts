import type { DeliveryResponse } from '../vendors/delivery/delivery.ts'
import type { DeliveryOutcome } from './delivery-log.ts'
import type { DeliveryVerdict } from './judge-delivery.ts'

/** Seconds after which a sender should repeat a delivery that could not be verified. */
const RETRY_AFTER = 60

/** Response to a delivery whose webhook was deleted or disabled before the delivery was stored. */
export const GONE: DeliveryResponse = { status: 404, body: { error: 'not found' } }

/** Response to a delivery that exceeds the rate limit. */
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

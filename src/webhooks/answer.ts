import type { Reading } from '../vendors/delivery/sender.ts'
import type { DeliveryOutcome } from './delivery-log.ts'
import type { ScopedHint } from './scope.ts'

/** What a sender is answered. */
export interface Answer {
  readonly status: number
  /** As JSON; null for none. */
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** What was made of a delivery. */
export interface Received {
  readonly outcome: DeliveryOutcome
  readonly reason: string | null
  readonly reading: Reading | null
  readonly hints: readonly ScopedHint[]
  /** The sender should send it again. */
  readonly isTemporary?: boolean
}

/** Seconds. */
const TRY_AGAIN = 60

/** What a sender is told whose webhook went away meanwhile. */
export const GONE: Answer = { status: 404, body: { error: 'there is nothing here' } }

/** What a sender is told that has to wait. */
export const tooMany = (seconds: number): Answer => ({
  status: 429,
  body: { error: 'too many deliveries' },
  headers: { 'Retry-After': String(seconds) },
})

/** The same delivery may turn out to be a duplicate: then its outcome is not as it was received. */
export function answerOf(
  outcome: DeliveryOutcome,
  { reason, reading, hints, isTemporary }: Received,
): Answer {
  if (reading?.reply) {
    const { status, body, headers } = reading.reply
    return { status, body, ...(headers && { headers }) }
  }
  if (isTemporary) {
    return {
      status: 503,
      body: { error: 'this cannot be checked now' },
      headers: { 'Retry-After': String(TRY_AGAIN) },
    }
  }
  // why is in the log alone: it would tell a stranger what to try next
  if (outcome === 'REFUSED') return { status: 401, body: { error: 'unauthorized' } }
  return outcome === 'ACCEPTED'
    ? { status: 202, body: { outcome, hints: hints.length } }
    : { status: 200, body: { outcome, ...(outcome !== 'DUPLICATE' && { reason }) } }
}

import type { EgressError } from '../../egress/errors.ts'
import type { EgressResponse } from '../../egress/exchange.ts'

/** A failed request to a host: its response, or the error in place of one. */
export type HostFailure = EgressResponse | EgressError

/** A failure and the namespace that the request was sent for: the response's body is for that namespace only. */
export interface BreakerCause {
  readonly failure: HostFailure
  readonly namespace: string | null
}

/** Bytes of a response's body that are kept for error messages. */
const KEPT_BODY = 64 * 1024

/** Returns the cause with the part of its response's body that is kept. */
export function boundedCause({ failure, namespace }: BreakerCause): BreakerCause {
  if (!('status' in failure)) return { failure, namespace }
  const { status, headers, body } = failure
  const kept = body.byteLength > KEPT_BODY ? body.slice(0, KEPT_BODY) : body
  return { failure: { status, headers, body: kept }, namespace }
}

/** Describes a failure; "it" is the host. Contains nothing of a response's body. */
export const describeFailure = (failure: HostFailure): string =>
  'status' in failure ? `it responded with ${failure.status}` : failure.message

/** Returns the failure as another namespace may see it: a response's body may name the account or repeat a secret. */
export const failureFor = (namespace: string | null, cause: BreakerCause): HostFailure =>
  'status' in cause.failure && cause.namespace !== namespace
    ? { ...cause.failure, body: new Uint8Array() }
    : cause.failure

import type { Readable } from 'node:stream'
import { unlessAborted } from '../../concurrency/abort.ts'
import type { Clock } from '../../concurrency/clock.ts'
import { ConnectionError, EgressTimeoutError } from '../../egress/errors.ts'
import type { EgressResponse } from '../../egress/exchange.ts'
import type { CountedRequest } from './budgets.ts'
import type { CircuitBreaker } from './circuit-breaker.ts'
import { failureFor, type HostFailure } from './host-failure.ts'
import type { HostQueue } from './host-queue.ts'
import type { HostTraffic } from './host-traffic.ts'
import { CLOSED_PERMIT, type Permit } from './permit.ts'
import { parseRetryAfter } from './quota-headers.ts'
import type { RequestContext } from './request-context.ts'

/** A request that waits to be sent to its host. */
export interface QueuedRequest extends CountedRequest, Pick<RequestContext, 'lane' | 'namespace' | 'signal'> {
  /** The part of the host that is requested, such as a repository. */
  readonly part: string
  /**
   * An anonymous first request of a caller that has a credential: it is sent although the circuit of the anonymous account
   * is open.
   */
  readonly isDiscovery: boolean
  /** `streams`: the response's body is a stream, which holds its slot until it ends; `uploads`: the request's body is one. */
  readonly queue: 'requests' | 'streams' | 'uploads'
}

interface AdmissionOptions {
  readonly clock: Clock
  /** Milliseconds that are left to wait after refusals. */
  readonly patience: { left: number }
}

/**
 * Waits for a slot at the host and for closed circuits. Returns the last failure instead when a circuit is open because of
 * failures, or for longer than the request may wait. Rejects with the signal's reason once it is aborted.
 */
export async function admit(
  host: HostTraffic,
  request: QueuedRequest,
  { clock, patience }: AdmissionOptions,
): Promise<Admission | { readonly failure: HostFailure }> {
  const { lane, namespace, signal, isDiscovery } = request
  const queue = host[request.queue]
  const account = host.accounts.breakerOf(request.account)
  const part = host.parts.breakerOf(request.part)
  const required = isDiscovery ? [host.breaker, part] : [host.breaker, part, account]
  for (;;) {
    const opening = required.find(({ opening }) => opening)?.opening
    if (opening) {
      const remaining = opening.until - clock.now()
      if (opening.kind === 'FAILURES' || remaining > patience.left)
        return { failure: failureFor(namespace, opening) }
      patience.left -= remaining
      await clock.sleep(remaining, signal)
      continue
    }
    const turn = queue.enter(lane, signal, request)
    if (turn) await turn
    // a circuit may have opened while the request waited for its slot
    const permits = takePermits(required)
    if ('refusing' in permits) {
      queue.leave()
      await unlessAborted(permits.refusing.probe.ended, signal)
      continue
    }
    const [hostPermit = CLOSED_PERMIT, partPermit = CLOSED_PERMIT, accountPermit = CLOSED_PERMIT] = permits
    return new Admission({
      host,
      queue,
      account,
      part,
      hostPermit,
      partPermit,
      accountPermit,
      request,
      clock,
    })
  }
}

/** Takes a permit of each circuit; none, and returns the one that refuses, if one does. */
function takePermits(
  breakers: readonly CircuitBreaker[],
): readonly Permit[] | { readonly refusing: CircuitBreaker } {
  const permits: Permit[] = []
  for (const breaker of breakers) {
    const permit = breaker.permit()
    if (!permit) {
      for (const [at, taken] of permits.entries()) breakers[at]?.release(taken)
      return { refusing: breaker }
    }
    permits.push(permit)
  }
  return permits
}

interface AdmissionParts {
  readonly host: HostTraffic
  readonly queue: HostQueue
  readonly account: CircuitBreaker
  readonly part: CircuitBreaker
  readonly hostPermit: Permit
  readonly partPermit: Permit
  readonly accountPermit: Permit
  readonly request: QueuedRequest
  readonly clock: Clock
}

/** Permission to send one request. One of `recordResponse` and `recordError` records its result; `end` frees its slot. */
export class Admission {
  readonly #parts: AdmissionParts
  readonly #number: number
  #endCounted: (() => void) | undefined

  constructor(parts: AdmissionParts) {
    this.#parts = parts
    this.#number = parts.host.countSent()
  }

  /** Whether a circuit of the host, the part or the account is open or half-open. */
  get isCircuitOpen(): boolean {
    const { host, account, part } = this.#parts
    return [host.breaker, account, part].some(({ state }) => state !== 'CLOSED')
  }

  /** Takes the request from the account's budget. Throws BudgetError. */
  takeFromBudget(): void {
    const { host, request, clock } = this.#parts
    this.#endCounted = host.budgets.take(request, clock.now())
  }

  /** Records a response. Returns whether the account's quota is exhausted, so that a retry is pointless. */
  recordResponse(response: EgressResponse, isLast: boolean): boolean {
    const { host, account, part, hostPermit, partPermit, accountPermit, request, clock } = this.#parts
    const { status, headers } = response
    const now = clock.now()
    host.budgets.read(request.account, headers, now)
    const pause = MAY_REQUEST_PAUSE.has(status) ? parseRetryAfter(headers, now) : undefined
    // a 429 concerns this account: the host works, and may accept requests of others
    const isOfAccount = status === 429
    const isExhausted = isOfAccount && pause === undefined && host.budgets.recordRefusal(request, now)
    if (MAY_REQUEST_PAUSE.has(status) && !isExhausted) host.decreaseConcurrency(this.#number)
    if (!isFailure(status)) {
      host.increaseConcurrency()
      host.breaker.succeed(hostPermit)
      part.succeed(partPermit)
      account.succeed(accountPermit)
      return false
    }
    const cause = { failure: response, namespace: request.namespace }
    if (isOfAccount) {
      if (pause !== undefined) account.pause(accountPermit, now + pause, cause)
      else if (isExhausted) account.release(accountPermit)
      else account.backOff(accountPermit, cause)
      host.breaker.succeed(hostPermit)
      part.release(partPermit)
      return isExhausted
    }
    account.release(accountPermit)
    if (pause === undefined) this.#recordFailure(response, isLast)
    else {
      host.breaker.pause(hostPermit, now + pause, cause)
      part.release(partPermit)
    }
    return false
  }

  /** Records that no response arrived; that of a tentative request does not count as a failure of the host. */
  recordError(error: unknown, { isLast, isTentative }: { isLast: boolean; isTentative: boolean }): void {
    const { host, account, part, hostPermit, partPermit, accountPermit } = this.#parts
    account.release(accountPermit)
    // a certificate that does not verify is no failure of the host: requests that accept it may succeed
    const isOfHost = error instanceof ConnectionError || error instanceof EgressTimeoutError
    if (isOfHost && !isTentative) this.#recordFailure(error, isLast)
    else {
      host.breaker.release(hostPermit)
      part.release(partPermit)
    }
  }

  #recordFailure(failure: HostFailure, isLast: boolean): void {
    const { host, part, hostPermit, partPermit, request } = this.#parts
    const cause = { failure, namespace: request.namespace }
    const isCounted = isLast || hostPermit.isProbe || partPermit.isProbe
    // a part that failed before proves nothing about the host
    if (isCounted && !partPermit.isProbe) host.breaker.fail(hostPermit, cause, request.part)
    else host.breaker.release(hostPermit)
    if (isCounted) part.fail(partPermit, cause)
    else part.release(partPermit)
  }

  /** Frees the slot; where there is a stream, when the stream closes. */
  end(stream: Readable | undefined): void {
    const { queue } = this.#parts
    this.#endCounted?.()
    if (stream && !stream.closed) stream.once('close', () => queue.leave())
    else queue.leave()
  }
}

const MAY_REQUEST_PAUSE = new Set([429, 503])

// a 501 concerns the method only: the caller tries another one
const isFailure = (status: number): boolean =>
  status === 408 || status === 429 || (status >= 500 && status !== 501)

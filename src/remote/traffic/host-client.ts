import type { Readable } from 'node:stream'
import type { Clock } from '../../concurrency/clock.ts'
import type { Egress, EgressRequest } from '../../egress/egress.ts'
import { ConnectionError } from '../../egress/errors.ts'
import type { EgressResponse } from '../../egress/exchange.ts'
import { isStreamed, RequestBodyError } from '../../egress/request-body.ts'
import { ANONYMOUS_ACCOUNT } from './accounts.ts'
import { admit, type QueuedRequest } from './admission.ts'
import { BudgetError } from './budgets.ts'
import type { HostFailure } from './host-failure.ts'
import { registryOf } from './host-names.ts'
import { partOf } from './host-parts.ts'
import { type HostLimits, type HostStatus, HostTraffic } from './host-traffic.ts'
import { IdleMap } from './idle-map.ts'
import type { RemoteLimits } from './limits.ts'
import type { RequestContext } from './request-context.ts'
import { BlockedError } from './request-context.ts'

export interface HostRequest
  extends Pick<EgressRequest, 'method' | 'body' | 'maxBytes' | 'stream' | 'timeout' | 'headersTimeout'>,
    Partial<Pick<QueuedRequest, 'account' | 'isPull' | 'isDiscovery'>> {
  readonly headers: Readonly<Record<string, string>>
  /** Sent once, because the caller has an alternative: its failure does not count as one of the host. */
  readonly isTentative?: boolean
  /** Sent once, because the caller finds out what a failed request has changed before it sends another one. */
  readonly isOnce?: boolean
}

/**
 * Result of one attempt. `NOT_SENT`: a circuit is open, the host is blocked, the quota is reserved or exhausted, or the
 * request's body could not be read.
 */
export type RequestOutcome = 'ANSWERED' | 'REFUSED' | 'LIMITED' | 'FAILED' | 'UNREACHABLE' | 'NOT_SENT'

export interface HostClientOptions {
  readonly egress: Egress
  readonly clock: Clock
  /** Between 0 and 1, as Math.random. */
  readonly random: () => number
  readonly limits: RemoteLimits
  /** Returns the limits of a host, by its name in references; read before each request. `limits` alone by default. */
  readonly limitsOf?: ((host: string) => HostLimits) | undefined
  /** Receives the outcome of each attempt of a request, by the host's name in references. */
  readonly observe?: ((host: string, outcome: RequestOutcome) => void) | undefined
  /** Counts a request of a namespace; returns why it must not be sent, if its quota is used up. No quotas by default. */
  readonly takeFromQuota?: ((namespace: string) => string | undefined) | undefined
}

const NOT_SENT = [BudgetError, BlockedError, RequestBodyError] as const

const RETRIED = new Set([408, 429, 500, 502, 503, 504])

/** Sends requests through the queue and the circuit breakers of their host, and retries transient failures. */
export class HostClient {
  readonly #options: HostClientOptions
  readonly #hosts: IdleMap<HostTraffic>

  constructor(options: HostClientOptions) {
    this.#options = options
    this.#hosts = new IdleMap(options.limits.hosts)
  }

  /** Returns the states of recently requested hosts, by their names in references. */
  hostStatuses(): HostStatus[] {
    return [...this.#hosts].map(([host, traffic]) => traffic.status(registryOf(host)))
  }

  /** Closes circuits that opened after failures: there may be another way to their hosts now. */
  forgetFailures(): void {
    for (const [, { breaker, parts }] of this.#hosts) {
      breaker.reset()
      parts.reset()
    }
  }

  /**
   * Returns the last response, with any status. While a circuit is open, returns the response that opened it, or throws
   * the error that did; a pause that the host requested is waited for when it is short enough. Rejects as `Egress.request`
   * does, with BudgetError, and with BlockedError before a connection is opened.
   */
  async request(url: URL, request: HostRequest, context: RequestContext): Promise<EgressResponse> {
    const { clock, limits } = this.#options
    const observe = (outcome: RequestOutcome) => this.#options.observe?.(registryOf(url.host), outcome)
    // before the queue is entered: a blocked host has none
    context.routeTo?.(url)
    const { account = ANONYMOUS_ACCOUNT, isPull = false, isTentative = false, isDiscovery = false } = request
    const { isOnce = false } = request
    const host = this.#hostOf(url.host)
    const tries = isTentative || isOnce ? 1 : limits.tries
    const patience = { left: limits.longestPause }
    const queued = { ...context, account, part: partOf(url), isPull, queue: queueOf(request) }
    for (let attempt = 1; ; attempt += 1) {
      const next = { ...queued, isDiscovery: isDiscovery && attempt === 1 }
      const admission = await admit(host, next, { clock, patience })
      if ('failure' in admission) {
        observe('NOT_SENT')
        return responseOf(admission.failure)
      }
      let outcome: EgressResponse | ConnectionError
      let stream: Readable | undefined
      let isLast = attempt >= tries
      try {
        // the rules may have changed while the request waited for its slot
        const route = context.routeTo?.(url)
        admission.takeFromBudget()
        this.#takeFromQuota(context)
        outcome = await this.#options.egress.request(url, {
          ...request,
          insecure: context.insecure,
          route,
          signal: context.signal,
        })
        stream = outcome.stream
        isLast ||= !RETRIED.has(outcome.status)
        const isExhausted = admission.recordResponse(outcome, isLast)
        isLast ||= isExhausted
        observe(outcomeOf(outcome.status))
      } catch (error) {
        isLast ||= !(error instanceof ConnectionError && error.transient)
        admission.recordError(error, { isLast, isTentative })
        const isUnsent = NOT_SENT.some((type) => error instanceof type)
        if (!context.signal.aborted) observe(isUnsent ? 'NOT_SENT' : 'UNREACHABLE')
        if (!(error instanceof ConnectionError)) throw error
        outcome = error
      } finally {
        admission.end(stream)
      }
      if (isLast) return responseOf(outcome)
      // an open circuit is waited for at the next admission
      if (!admission.isCircuitOpen) await clock.sleep(this.#retryDelay(attempt), context.signal)
    }
  }

  /** Throws BudgetError. */
  #takeFromQuota({ namespace }: RequestContext): void {
    const refusal = namespace === null ? undefined : this.#options.takeFromQuota?.(namespace)
    if (refusal !== undefined) throw new BudgetError(refusal, 'QuotaExceeded')
  }

  // jitter over the upper half: requests that failed together are not retried together
  #retryDelay(attempt: number): number {
    const { limits, random } = this.#options
    return limits.retryDelay * 2 ** (attempt - 1) * (0.5 + random() / 2)
  }

  #hostOf(name: string): HostTraffic {
    const { limitsOf } = this.#options
    const host = this.#hosts.getOrCreate(name, () => new HostTraffic(this.#options))
    if (limitsOf) host.limit(limitsOf(registryOf(name)))
    return host
  }
}

const queueOf = ({ body, stream }: HostRequest): QueuedRequest['queue'] => {
  if (isStreamed(body)) return 'uploads'
  return stream ? 'streams' : 'requests'
}

function outcomeOf(status: number): RequestOutcome {
  if (status === 429) return 'LIMITED'
  if (status === 408 || status >= 500) return 'FAILED'
  return status < 400 ? 'ANSWERED' : 'REFUSED'
}

const responseOf = (outcome: HostFailure): EgressResponse => {
  if (outcome instanceof Error) throw outcome
  return outcome
}

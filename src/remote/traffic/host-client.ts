import type { Readable } from 'node:stream'
import type { Clock } from '../../concurrency/clock.ts'
import type { Egress, EgressRequest } from '../../egress/egress.ts'
import { ConnectionError } from '../../egress/errors.ts'
import type { EgressResponse } from '../../egress/exchange.ts'
import type { Route } from '../../egress/route.ts'
import { type Applicant, admit } from './admission.ts'
import { BlockedError } from './blocked-error.ts'
import type { Trouble } from './breaker.ts'
import { BudgetError } from './budget.ts'
import type { Urgency } from './host-queue.ts'
import { type HostLimits, type HostStatus, HostTraffic } from './host-traffic.ts'
import type { RemoteLimits } from './limits.ts'

/** Whose request this is, and under which conditions it may be sent. */
export interface RequestContext extends Urgency {
  readonly insecure: boolean
  readonly lane: string
  /** For which namespace, by whose credentials; null for the server itself. */
  readonly namespace: string | null
  readonly signal: AbortSignal
  /** How each host is connected to, as all others where this is not there. Throws BlockedError where it is not to be. */
  readonly routeTo?: (url: URL) => Route | undefined
}

export interface HostRequest
  extends Pick<EgressRequest, 'method' | 'body' | 'maxBytes' | 'stream'>,
    Pick<Applicant, 'account' | 'counted' | 'scouting'> {
  readonly headers: Readonly<Record<string, string>>
  /** Sent once, and another attempt follows: that it failed says nothing of the host yet. */
  readonly tentative?: boolean
}

/** What became of a request: `NOT_SENT` while the host is left alone, or for want of what it still gives. */
export type RequestOutcome = 'ANSWERED' | 'REFUSED' | 'LIMITED' | 'FAILED' | 'UNREACHABLE' | 'NOT_SENT'

export interface HostClientOptions {
  readonly egress: Egress
  readonly clock: Clock
  /** Between 0 and 1, as Math.random. */
  readonly random: () => number
  readonly limits: RemoteLimits
  /** What may be asked of this host; asked again with each request to it. `limits` alone unless given. */
  readonly limitsOf?: (host: string) => HostLimits
  /** Told of each request that was sent, each try of it, and of those that were not. */
  readonly observe?: (host: string, outcome: RequestOutcome) => void
}

const RETRIED = new Set([408, 429, 500, 502, 503, 504])

/** Sends requests through their host's queue, again after what may pass, and not while the host is left alone. */
export class HostClient {
  readonly #options: HostClientOptions
  readonly #hosts = new Map<string, HostTraffic>()

  constructor(options: HostClientOptions) {
    this.#options = options
  }

  /** The hosts that were asked and are remembered, as they are dialled. */
  hostStatuses(): HostStatus[] {
    return [...this.#hosts].map(([host, traffic]) => traffic.standing(host))
  }

  /** Asks hosts again that failed: there may be another way to them now. */
  forgetFailures(): void {
    for (const { breaker } of this.#hosts.values()) breaker.forget()
  }

  /**
   * The last answer, whatever its status; while the host is left alone, the answer that it is left alone for, unless
   * the host said how long that is and it is worth waiting. Rejects as `Egress.request` does, or did when the host
   * stopped answering, and with BudgetError; with BlockedError before anything is opened.
   */
  async request(url: URL, request: HostRequest, context: RequestContext): Promise<EgressResponse> {
    const { clock, egress, limits, observe = () => {} } = this.#options
    const { insecure, signal } = context
    context.routeTo?.(url)
    const { tentative = false, scouting = false } = request
    const host = this.#hostOf(url.host)
    const tries = tentative ? 1 : limits.tries
    const patience = { left: limits.longestPause }
    const applicant = { ...context, ...request, isStream: request.stream !== undefined }
    for (let attempt = 1; ; attempt += 1) {
      const asks = scouting && attempt > 1 ? { ...applicant, scouting: false } : applicant
      const admission = await admit(host, asks, { clock, patience })
      if ('refusal' in admission) {
        observe(url.host, 'NOT_SENT')
        return answerOf(admission.refusal)
      }
      let outcome: EgressResponse | ConnectionError
      let stream: Readable | undefined
      let isLast = attempt >= tries
      try {
        // asked for only now: what is allowed may be different since this request began to wait for its turn
        const route = context.routeTo?.(url)
        admission.spend()
        outcome = await egress.request(url, { ...request, insecure, route, signal })
        stream = outcome.stream
        isLast ||= !RETRIED.has(outcome.status)
        const isSpent = admission.judge(outcome, isLast)
        isLast ||= isSpent
        observe(url.host, outcomeOf(outcome.status))
      } catch (error) {
        isLast ||= !(error instanceof ConnectionError && error.transient)
        admission.blame(error, { isLast, tentative })
        const isUnsent = error instanceof BudgetError || error instanceof BlockedError
        if (!signal.aborted) observe(url.host, isUnsent ? 'NOT_SENT' : 'UNREACHABLE')
        if (!(error instanceof ConnectionError)) throw error
        outcome = error
      } finally {
        admission.end(stream)
      }
      if (isLast) return answerOf(outcome)
      // for as long as the host is left alone it is waited, or not, where the queue is entered
      if (!admission.isLeftAlone) await clock.sleep(this.#backoff(attempt), signal)
    }
  }

  // full jitter over the upper half: those who failed together do not come back together
  #backoff(attempt: number): number {
    const { limits, random } = this.#options
    return limits.retryDelay * 2 ** (attempt - 1) * (0.5 + random() / 2)
  }

  #hostOf(name: string): HostTraffic {
    const { limits, limitsOf } = this.#options
    let host = this.#hosts.get(name)
    if (!host) {
      for (const [old, { idle }] of this.#hosts) {
        if (this.#hosts.size < limits.hosts) break
        if (idle) this.#hosts.delete(old)
      }
      host = new HostTraffic(this.#options)
      this.#hosts.set(name, host)
    }
    if (limitsOf) host.limit(limitsOf(name))
    return host
  }
}

function outcomeOf(status: number): RequestOutcome {
  if (status === 429) return 'LIMITED'
  if (status === 408 || status >= 500) return 'FAILED'
  return status < 400 ? 'ANSWERED' : 'REFUSED'
}

const answerOf = (outcome: Trouble): EgressResponse => {
  if (outcome instanceof Error) throw outcome
  return outcome
}

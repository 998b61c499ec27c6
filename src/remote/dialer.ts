import type { Readable } from 'node:stream'
import type { Egress, EgressRequest } from '../egress/egress.ts'
import { ConnectionError, EgressTimeoutError } from '../egress/errors.ts'
import type { EgressResponse } from '../egress/exchange.ts'
import { type Pass, type Trouble, troubleFor } from './breaker.ts'
import { type Clock, unlessAborted } from './clock.ts'
import type { HostQueue, Urgency } from './host-queue.ts'
import { type HostStanding, HostTraffic } from './host-traffic.ts'
import type { RemoteLimits } from './limits.ts'
import { parseRetryAfter } from './retry-after.ts'

/** Whose request this is, and under which conditions it may be sent. */
export interface Errand extends Urgency {
  readonly insecure: boolean
  readonly lane: string
  /** For which namespace, by whose credentials; null for the server itself. */
  readonly namespace: string | null
  readonly signal: AbortSignal
}

export interface DialRequest extends Pick<EgressRequest, 'method' | 'body' | 'maxBytes' | 'stream'> {
  readonly headers: Readonly<Record<string, string>>
  /** Whom the host takes this for, so that what it still gives them is told apart; anybody unless given. */
  readonly account?: string
  /** The host takes it from what it still gives: pulls of manifests, as Docker Hub counts them. */
  readonly counted?: boolean
  /** Sent once, and another attempt follows: that it failed says nothing of the host yet. */
  readonly tentative?: boolean
}

export interface DialerOptions {
  readonly egress: Egress
  readonly clock: Clock
  /** Between 0 and 1, as Math.random. */
  readonly random: () => number
  readonly limits: RemoteLimits
}

const RETRIED = new Set([408, 429, 500, 502, 503, 504])
const ASKS_FOR_PAUSE = new Set([429, 503])
const ANYBODY = ''

/** Sends requests through their host's queue, again after what may pass, and not while the host is left alone. */
export class Dialer {
  readonly #options: DialerOptions
  readonly #hosts = new Map<string, HostTraffic>()

  constructor(options: DialerOptions) {
    this.#options = options
  }

  /** The hosts that were asked and are remembered, as they are dialled. */
  standings(): HostStanding[] {
    return [...this.#hosts].map(([host, traffic]) => traffic.standing(host))
  }

  /**
   * The last answer, whatever its status; while the host is left alone, the answer that it is left alone for, unless
   * the host said how long that is and it is worth waiting. Rejects as `Egress.request` does, or did when the host
   * stopped answering, and with ReservedBudgetError.
   */
  async dial(url: URL, request: DialRequest, errand: Errand): Promise<EgressResponse> {
    const { clock, egress, limits } = this.#options
    const { insecure, signal } = errand
    const host = this.#hostOf(url.host)
    const queue = request.stream ? host.streams : host.requests
    const tries = request.tentative ? 1 : limits.tries
    const patience = { left: limits.longestPause }
    for (let attempt = 1; ; attempt += 1) {
      const pass = await this.#enter(host, queue, errand, patience)
      if (!('isProbe' in pass)) return answerOf(pass.refusal)
      const { account = ANYBODY, counted = false } = request
      let endSpending: (() => void) | undefined
      let outcome: EgressResponse | ConnectionError
      let stream: Readable | undefined
      let isLast = attempt >= tries
      try {
        if (counted) endSpending = host.budgets.spend(account, clock.now(), errand)
        outcome = await egress.request(url, { ...request, insecure, signal })
        stream = outcome.stream
        host.budgets.read(account, outcome.headers, clock.now())
        isLast ||= !RETRIED.has(outcome.status)
        this.#judge(host, pass, { answer: outcome, isLast, namespace: errand.namespace })
      } catch (error) {
        isLast ||= !(error instanceof ConnectionError && error.transient)
        const tentative = request.tentative ?? false
        this.#blame(host, pass, { error, isLast, tentative, namespace: errand.namespace })
        if (!(error instanceof ConnectionError)) throw error
        outcome = error
      } finally {
        endSpending?.()
        if (stream && !stream.closed) stream.once('close', () => queue.leave())
        else queue.leave()
      }
      if (isLast) return answerOf(outcome)
      // for as long as the host is left alone it is waited, or not, where the queue is entered
      if (host.breaker.state === 'CLOSED') await clock.sleep(this.#backoff(attempt), signal)
    }
  }

  /** Waits for a turn and for the host's being worth asking; the refusal when that is not worth waiting for. */
  async #enter(
    { breaker }: HostTraffic,
    queue: HostQueue,
    errand: Errand,
    patience: { left: number },
  ): Promise<Pass | { readonly refusal: Trouble }> {
    const { clock } = this.#options
    const { lane, namespace, signal } = errand
    for (;;) {
      const { opening } = breaker
      if (opening) {
        const remaining = opening.until - clock.now()
        if (!opening.asked || remaining > patience.left) return { refusal: troubleFor(namespace, opening) }
        patience.left -= remaining
        await clock.sleep(remaining, signal)
        continue
      }
      const turn = queue.enter(lane, signal, errand)
      if (turn) await turn
      // asked for only now: it may have been left alone since this request began to wait for its turn
      const pass = breaker.pass()
      if (pass) return pass
      queue.leave()
      await unlessAborted(breaker.probed, signal)
    }
  }

  /** What an answer says of its host. */
  #judge(
    { breaker }: HostTraffic,
    pass: Pass,
    { answer, isLast, namespace }: { answer: EgressResponse; isLast: boolean; namespace: string | null },
  ): void {
    const now = this.#options.clock.now()
    const pause = ASKS_FOR_PAUSE.has(answer.status) ? parseRetryAfter(answer.headers, now) : undefined
    if (pause !== undefined) breaker.pause(pass, now + pause, { trouble: answer, namespace })
    else if (!isTrouble(answer.status)) breaker.succeed(pass)
    else if (isLast || pass.isProbe) breaker.fail(pass, { trouble: answer, namespace })
  }

  /** What it says of the host that no answer came. */
  #blame(
    { breaker }: HostTraffic,
    pass: Pass,
    {
      error,
      isLast,
      tentative,
      namespace,
    }: { error: unknown; isLast: boolean; tentative: boolean; namespace: string | null },
  ): void {
    // a certificate that does not verify for one is good enough for another who said so
    const isTheHosts = error instanceof ConnectionError || error instanceof EgressTimeoutError
    if (!isTheHosts || tentative) breaker.release(pass)
    else if (isLast || pass.isProbe) breaker.fail(pass, { trouble: error, namespace })
  }

  // full jitter over the upper half: those who failed together do not come back together
  #backoff(attempt: number): number {
    const { limits, random } = this.#options
    return limits.retryDelay * 2 ** (attempt - 1) * (0.5 + random() / 2)
  }

  #hostOf(name: string): HostTraffic {
    const { limits } = this.#options
    let host = this.#hosts.get(name)
    if (!host) {
      for (const [old, { idle }] of this.#hosts) {
        if (this.#hosts.size < limits.hosts) break
        if (idle) this.#hosts.delete(old)
      }
      host = new HostTraffic(this.#options)
      this.#hosts.set(name, host)
    }
    return host
  }
}

// 501 says that the method is unknown, which is worth another try by another method
const isTrouble = (status: number): boolean =>
  status === 408 || status === 429 || (status >= 500 && status !== 501)

const answerOf = (outcome: Trouble): EgressResponse => {
  if (outcome instanceof Error) throw outcome
  return outcome
}

import { TokenBucket } from '../../concurrency/token-bucket.ts'
import { type AccountStatus, Accounts } from './accounts.ts'
import { AdaptiveConcurrency } from './adaptive-concurrency.ts'
import { BreakerMap } from './breaker-map.ts'
import { Budgets } from './budgets.ts'
import { type BreakerStatus, CircuitBreaker, type CircuitBreakerOptions } from './circuit-breaker.ts'
import { MAX_PARTS } from './host-parts.ts'
import { HostQueue } from './host-queue.ts'
import type { RemoteLimits } from './limits.ts'

/** Limits of the requests to one host; null for the default. */
export interface HostLimits {
  /** Requests at a time, and as many streams. */
  readonly concurrency: number | null
  /** May be a fraction. */
  readonly requestsPerSecond: number | null
}

/** State of the requests to one host. */
export interface HostStatus {
  /** `host[:port]`. */
  readonly host: string
  /** Requests that were sent and whose response or body is incomplete. */
  readonly inFlight: number
  /** Requests that wait in the queue. */
  readonly waiting: number
  /** Requests sent at a time: fewer than allowed for a while after the host refused requests for load. */
  readonly concurrency: number
  /** Of the host; while it is closed, of a part that fails. */
  readonly breaker: BreakerStatus
  /** Accounts whose circuit is not closed or whose budget is known. */
  readonly accounts: readonly AccountStatus[]
}

/** The requests to one host: queues, rate, circuit breakers and budgets. */
export class HostTraffic {
  readonly requests: HostQueue
  /** A stream holds its slot until it ends: in a queue of their own streams do not delay other requests. */
  readonly streams: HostQueue
  /** An upload holds its slot while it waits for a stream that it copies: in one queue both would wait for each other. */
  readonly uploads: HostQueue
  /** For failures that concern every part and account: the host fails or is unreachable. */
  readonly breaker: CircuitBreaker
  /** For failures that may concern one part only, such as a repository. */
  readonly parts: BreakerMap
  /** For failures that concern one account: the host limits its requests. */
  readonly accounts: Accounts
  readonly budgets: Budgets
  readonly #limits: RemoteLimits
  readonly #rate: TokenBucket
  readonly #concurrency: AdaptiveConcurrency

  constructor({
    limits,
    ...options
  }: Pick<CircuitBreakerOptions, 'clock' | 'random'> & { limits: RemoteLimits }) {
    this.#limits = limits
    this.#rate = new TokenBucket(options.clock)
    this.#concurrency = new AdaptiveConcurrency(limits.requestsPerHost)
    this.requests = new HostQueue(limits.requestsPerHost, this.#rate)
    this.streams = new HostQueue(limits.requestsPerHost, this.#rate)
    this.uploads = new HostQueue(limits.requestsPerHost, this.#rate)
    this.budgets = new Budgets(limits.reserve)
    const newBreaker = () => new CircuitBreaker({ ...options, ...limits })
    this.breaker = newBreaker()
    this.parts = new BreakerMap(MAX_PARTS, newBreaker)
    this.accounts = new Accounts(newBreaker)
  }

  /** Reports whether the state of this host can be dropped: no request or open circuit depends on it. */
  get idle(): boolean {
    const { breaker, parts, accounts } = this
    return this.#queues.every(({ idle }) => idle) && breaker.state !== 'OPEN' && parts.idle && accounts.idle
  }

  /** Changes the limits; requests in flight continue. */
  limit({ concurrency, requestsPerSecond }: HostLimits): void {
    this.#concurrency.allowed = concurrency ?? this.#limits.requestsPerHost
    this.#resizeQueues()
    if (requestsPerSecond === this.#rate.rate) return
    this.#rate.rate = requestsPerSecond
    for (const queue of this.#queues) queue.rateChanged()
  }

  /** Counts a request that is sent. Returns its number, for `decreaseConcurrency`. */
  countSent(): number {
    return this.#concurrency.countSent()
  }

  /** Records that the host refused the request for load. */
  decreaseConcurrency(request: number): void {
    this.#concurrency.decrease(request)
    this.#resizeQueues()
  }

  /** Records a successful request. */
  increaseConcurrency(): void {
    this.#concurrency.increase()
    this.#resizeQueues()
  }

  status(host: string): HostStatus {
    const { breaker, parts, budgets, accounts } = this
    return {
      host,
      inFlight: sumOf(this.#queues.map(({ inFlight }) => inFlight)),
      waiting: sumOf(this.#queues.map(({ waiting }) => waiting)),
      concurrency: this.#concurrency.size,
      breaker: breaker.state === 'CLOSED' ? parts.lastStatus : breaker.status,
      accounts: accounts.statuses(budgets),
    }
  }

  get #queues(): readonly HostQueue[] {
    return [this.requests, this.streams, this.uploads]
  }

  #resizeQueues(): void {
    for (const queue of this.#queues) queue.slots = this.#concurrency.size
  }
}

const sumOf = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0)

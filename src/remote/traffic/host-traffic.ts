import { TokenBucket } from '../../concurrency/token-bucket.ts'
import { type AccountStatus, Accounts } from './accounts.ts'
import { Breaker, type BreakerOptions, type BreakerStatus } from './breaker.ts'
import { Budgets } from './budget.ts'
import { Concurrency } from './concurrency.ts'
import { HostQueue } from './host-queue.ts'
import type { RemoteLimits } from './limits.ts'
import type { Budget } from './quota-headers.ts'

/** What may be asked of one host; null for what is allowed of any. */
export interface HostLimits {
  /** Requests at a time, and as many streams. */
  readonly concurrency: number | null
  /** A fraction too. */
  readonly requestsPerSecond: number | null
}

/** What goes on with one host, as it stands. */
export interface HostStatus {
  /** `host[:port]`. */
  readonly host: string
  /** Requests that were sent and are not answered, or whose body still streams. */
  readonly inFlight: number
  /** Requests that wait for their turn. */
  readonly waiting: number
  /** Requests that it is sent at a time: fewer than are allowed for a while after it had too many. */
  readonly concurrency: number
  readonly breaker: BreakerStatus
  /** One for each account that the host was asked as and told what it still gives. */
  readonly budgets: readonly Budget[]
  /** Those as which it is not asked for now, or that it told what it still gives. */
  readonly accounts: readonly AccountStatus[]
}

/** What goes on with one host: who asks it, whether it is worth asking, and what it still gives. */
export class HostTraffic {
  readonly requests: HostQueue
  /** Streams hold their turn until they end: in a queue of their own they keep no other request waiting. */
  readonly streams: HostQueue
  /** For what the host does to everybody: it fails, or cannot be reached. */
  readonly breaker: Breaker
  /** For what it does to one account: it has had enough of it. */
  readonly accounts: Accounts
  readonly budgets: Budgets
  readonly #limits: RemoteLimits
  readonly #pace: TokenBucket
  readonly #concurrency: Concurrency

  constructor({ limits, ...options }: Pick<BreakerOptions, 'clock' | 'random'> & { limits: RemoteLimits }) {
    this.#limits = limits
    this.#pace = new TokenBucket(options.clock)
    this.#concurrency = new Concurrency(limits.requestsPerHost)
    this.requests = new HostQueue(limits.requestsPerHost, this.#pace)
    this.streams = new HostQueue(limits.requestsPerHost, this.#pace)
    this.budgets = new Budgets(limits.reserve)
    const breaker = () =>
      new Breaker({
        ...options,
        failures: limits.failures,
        firstPause: limits.firstRest,
        longestPause: limits.longestRest,
      })
    this.breaker = breaker()
    this.accounts = new Accounts(breaker)
  }

  /** Whether forgetting this host costs nobody anything. */
  get idle(): boolean {
    const { requests, streams, breaker, accounts } = this
    return requests.idle && streams.idle && breaker.state !== 'OPEN' && !accounts.someLeftAlone
  }

  /** From now on it is asked so; what is under way goes on. */
  limit({ concurrency, requestsPerSecond }: HostLimits): void {
    this.#concurrency.allowed = concurrency ?? this.#limits.requestsPerHost
    this.#resize()
    if (requestsPerSecond === this.#pace.rate) return
    this.#pace.rate = requestsPerSecond
    this.requests.hurry()
    this.streams.hurry()
  }

  /** Notes that a request is sent; returns its number, for what is said of it later. */
  send(): number {
    return this.#concurrency.send()
  }

  /** The host takes fewer requests at a time than it was sent. */
  shrink(request: number): void {
    this.#concurrency.shrink(request)
    this.#resize()
  }

  /** It took this one. */
  grow(): void {
    this.#concurrency.grow()
    this.#resize()
  }

  standing(host: string): HostStatus {
    const { requests, streams, breaker, budgets, accounts } = this
    return {
      host,
      inFlight: requests.inFlight + streams.inFlight,
      waiting: requests.waiting + streams.waiting,
      concurrency: this.#concurrency.size,
      breaker: breaker.standing,
      budgets: budgets.all,
      accounts: accounts.statuses(budgets),
    }
  }

  #resize(): void {
    this.requests.slots = this.#concurrency.size
    this.streams.slots = this.#concurrency.size
  }
}

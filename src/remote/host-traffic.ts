import { Breaker, type BreakerOptions, type BreakerStanding } from './breaker.ts'
import { type Budget, Budgets } from './budget.ts'
import { HostQueue } from './host-queue.ts'
import type { RemoteLimits } from './limits.ts'

/** What goes on with one host, as it stands. */
export interface HostStanding {
  /** `host[:port]`. */
  readonly host: string
  /** Requests that were sent and are not answered, or whose body still streams. */
  readonly inFlight: number
  /** Requests that wait for one of these to end. */
  readonly waiting: number
  readonly breaker: BreakerStanding
  /** One for each account that the host was asked as and told what it still gives. */
  readonly budgets: readonly Budget[]
}

/** What goes on with one host: who asks it, whether it is worth asking, and what it still gives. */
export class HostTraffic {
  readonly requests: HostQueue
  /** Streams hold their turn until they end: in a queue of their own they keep no other request waiting. */
  readonly streams: HostQueue
  readonly breaker: Breaker
  readonly budgets: Budgets

  constructor({ limits, ...options }: Pick<BreakerOptions, 'clock' | 'random'> & { limits: RemoteLimits }) {
    this.requests = new HostQueue(limits.requestsPerHost)
    this.streams = new HostQueue(limits.requestsPerHost)
    this.budgets = new Budgets(limits.reserve)
    this.breaker = new Breaker({
      ...options,
      failures: limits.failures,
      firstPause: limits.firstRest,
      longestPause: limits.longestRest,
    })
  }

  /** Whether forgetting this host costs nobody anything. */
  get idle(): boolean {
    return this.requests.idle && this.streams.idle && this.breaker.state !== 'OPEN'
  }

  standing(host: string): HostStanding {
    const { requests, streams, breaker, budgets } = this
    return {
      host,
      inFlight: requests.inFlight + streams.inFlight,
      waiting: requests.waiting + streams.waiting,
      breaker: breaker.standing,
      budgets: budgets.all,
    }
  }
}

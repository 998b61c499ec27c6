import { BackOff, type BackOffOptions } from './back-off.ts'
import { FailureCount } from './failure-count.ts'
import { type BreakerCause, boundedCause, describeFailure } from './host-failure.ts'
import { CLOSED_PERMIT, type Permit, ProbeSlot } from './permit.ts'

/** CLOSED: requests are sent. OPEN: none is sent. HALF_OPEN: one request probes whether the circuit can close. */
export type BreakerState = 'CLOSED' | 'OPEN' | 'HALF_OPEN'

/** State of a circuit breaker; all null while it is closed. Times in milliseconds since 1970. */
export interface BreakerStatus {
  readonly state: BreakerState
  readonly since: number | null
  /** The last failure; "it" is the host. Contains nothing of a response's body, which could repeat a secret. */
  readonly message: string | null
  readonly nextAttemptAt: number | null
}

export interface CircuitBreakerOptions extends BackOffOptions {
  /** Consecutive failures that open the circuit. */
  readonly failures: number
  /** Milliseconds that the circuit is open the first time; doubled after each failed probe, up to `longestOpen`. */
  readonly firstOpen: number
}

/** Why and until when the circuit is open. */
interface Opening extends BreakerCause {
  readonly since: number
  readonly until: number
  /**
   * FAILURES: requests fail meanwhile. REQUESTED: the host requested a pause (`Retry-After`). BACK_OFF: it refused a request
   * without a pause. Requests wait for the end of the latter two.
   */
  readonly kind: 'FAILURES' | 'REQUESTED' | 'BACK_OFF'
}

/** Status of a closed circuit. */
export const CLOSED_STATUS: BreakerStatus = {
  state: 'CLOSED',
  since: null,
  message: null,
  nextAttemptAt: null,
}

/** Stops requests to a host, or to one part of it or one account at it, while it requests a pause and after consecutive failures. */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions
  readonly #refusals: BackOff
  readonly probe = new ProbeSlot()
  readonly #failures = new FailureCount()
  #opening: Opening | undefined

  constructor(options: CircuitBreakerOptions) {
    this.#options = options
    this.#refusals = new BackOff(options)
  }

  /** Reports whether this breaker can be dropped: a new one would behave the same. */
  get idle(): boolean {
    return this.state === 'CLOSED' && this.#refusals.idle
  }

  get state(): BreakerState {
    if (!this.#opening) return 'CLOSED'
    const now = this.#options.clock.now()
    // a clock that was set back would lengthen the pause
    return this.#opening.since <= now && now < this.#opening.until ? 'OPEN' : 'HALF_OPEN'
  }

  get status(): BreakerStatus {
    return this.#opening ? statusOf(this.#opening, this.state) : CLOSED_STATUS
  }

  /** Why and until when the circuit is open; undefined unless it is open. */
  get opening(): Omit<Opening, 'since'> | undefined {
    return this.state === 'OPEN' ? this.#opening : undefined
  }

  /** Returns a permit; undefined while the circuit is open, and while a probe is in flight. */
  permit(): Permit | undefined {
    if (!this.#opening) return CLOSED_PERMIT
    return this.state === 'OPEN' ? undefined : this.probe.take()
  }

  /** Records a response of a working host. */
  succeed(permit: Permit): void {
    this.#failures.clear()
    // a request that was sent before the circuit opened does not close it
    if (!permit.isProbe && this.#opening) return
    this.#close()
    this.release(permit)
    this.#refusals.recover()
  }

  /**
   * Records a request that failed after its last attempt, or a failed probe. With a `part`, the circuit opens only when
   * requests for different parts fail.
   */
  fail(permit: Permit, cause: BreakerCause, part?: string): void {
    this.#failures.add(part, permit.isProbe)
    if (permit.isProbe || (!this.#opening && this.#failures.isReached(this.#options.failures, part))) {
      this.#open('FAILURES', endOfOpening(this.#options, this.#failures.probes), cause)
    }
    this.release(permit)
  }

  /** Opens the circuit for a pause that the host requested; of two pauses the later end counts. */
  pause(permit: Permit, until: number, cause: BreakerCause): void {
    this.#wait('REQUESTED', until, cause)
    this.release(permit)
  }

  /**
   * Opens the circuit after a refusal without a pause (429 without `Retry-After`): for seconds, and for twice as long after
   * each further one. Requests that were sent at the same time count once.
   */
  backOff(permit: Permit, cause: BreakerCause): void {
    if (permit.isProbe || !this.#opening) this.#wait('BACK_OFF', this.#refusals.refuse(), cause)
    this.release(permit)
  }

  /** Forgets failures, because the way to the host has changed. A pause after a refusal remains. */
  reset(): void {
    this.#failures.clear()
    if (this.#opening && this.#opening.kind !== 'FAILURES') return
    this.#close()
  }

  /** Ends a request whose result proves nothing about the host. */
  release({ isProbe }: Permit): void {
    if (isProbe) this.probe.free()
  }

  #close(): void {
    this.#failures.clearProbes()
    this.#opening = undefined
  }

  #wait(kind: 'REQUESTED' | 'BACK_OFF', until: number, cause: BreakerCause): void {
    if (!this.#opening || until > this.#opening.until) this.#open(kind, until, cause)
  }

  #open(kind: Opening['kind'], until: number, cause: BreakerCause): void {
    this.#opening = { since: this.#options.clock.now(), until, ...boundedCause(cause), kind }
  }
}

/** Returns until when failures open the circuit. */
function endOfOpening(
  { clock, random, firstOpen, longestOpen }: CircuitBreakerOptions,
  failedProbes: number,
): number {
  const period = Math.min(firstOpen * 2 ** Math.min(failedProbes, 30), longestOpen)
  // jitter over the upper half: servers that lost a host at the same time do not return at the same time
  return clock.now() + period * (0.5 + random() / 2)
}

function statusOf(opening: Opening, state: BreakerState): BreakerStatus {
  const { since, until } = opening
  return { state, since: state === 'OPEN' ? since : until, message: messageOf(opening), nextAttemptAt: until }
}

function messageOf({ failure, kind }: Opening): string {
  const text = describeFailure(failure)
  return kind === 'REQUESTED' ? `${text} and requested a pause` : text
}

import type { Clock } from '../../concurrency/clock.ts'
import type { EgressError } from '../../egress/errors.ts'
import type { EgressResponse } from '../../egress/exchange.ts'

/** A failed request to a host: its response, or the error in place of one. */
export type HostFailure = EgressResponse | EgressError

/** CLOSED: requests are sent. OPEN: none is sent. HALF_OPEN: one request probes whether the circuit can close. */
export type BreakerState = 'CLOSED' | 'OPEN' | 'HALF_OPEN'

/** A failure and the namespace that the request was sent for: the response's body is for that namespace only. */
export interface BreakerCause {
  readonly failure: HostFailure
  readonly namespace: string | null
}

/** State of a circuit breaker; all null while it is closed. Times in milliseconds since 1970. */
export interface BreakerStatus {
  readonly state: BreakerState
  readonly since: number | null
  /** The last failure; "it" is the host. Contains nothing of a response's body, which could repeat a secret. */
  readonly reason: string | null
  readonly nextAttempt: number | null
}

/** Permission to send one request; ends with one of `succeed`, `fail`, `pause`, `backOff` and `release`. */
export interface Permit {
  /** The only request of a half-open circuit. */
  readonly isProbe: boolean
}

export interface CircuitBreakerOptions {
  readonly clock: Clock
  /** Between 0 and 1, as Math.random. */
  readonly random: () => number
  /** Consecutive failures that open the circuit. */
  readonly failures: number
  /** Milliseconds that the circuit is open the first time; doubled after each failed probe, up to `longestOpen`. */
  readonly firstOpen: number
  readonly longestOpen: number
  /** Milliseconds of the first back-off; doubled by each further refusal, up to `longestOpen`. */
  readonly firstBackOff: number
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

/** The permit of a closed circuit. */
export const CLOSED_PERMIT: Permit = { isProbe: false }
/** Status of a closed circuit. */
export const CLOSED_STATUS: BreakerStatus = { state: 'CLOSED', since: null, reason: null, nextAttempt: null }
const PROBE: Permit = { isProbe: true }
/** Bytes of a response's body that are kept for error messages. */
const KEPT_BODY = 64 * 1024
/** Responses of a working host that undo one refusal: after them, the next back-off is half as long. */
const RESPONSES_OF_RECOVERY = 10
/** Refusals that are counted. */
const MAX_REFUSALS = 30

/** Stops requests to a host, or to one account at it, while it requests a pause and after consecutive failures. */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions
  #failures = 0
  #failedProbes = 0
  /** Refusals without a pause that later responses have not undone. */
  #refusals = 0
  #backedOffUntil = 0
  /** Responses of a working host since the last refusal, or since they undid one. */
  #recovery = 0
  #opening: Opening | undefined
  #probe: Probe | undefined

  constructor(options: CircuitBreakerOptions) {
    this.#options = options
  }

  /** Reports whether this breaker can be dropped: a new one would behave the same. */
  get idle(): boolean {
    return this.state === 'CLOSED' && this.#countRefusals() === 0
  }

  get state(): BreakerState {
    if (!this.#opening) return 'CLOSED'
    return this.#opening.until > this.#options.clock.now() ? 'OPEN' : 'HALF_OPEN'
  }

  get status(): BreakerStatus {
    const { state } = this
    if (!this.#opening) return CLOSED_STATUS
    const { since, until } = this.#opening
    const reason = reasonOf(this.#opening)
    return { state, since: state === 'OPEN' ? since : until, reason, nextAttempt: until }
  }

  /** Why and until when the circuit is open; undefined unless it is open. */
  get opening(): Omit<Opening, 'since'> | undefined {
    return this.state === 'OPEN' ? this.#opening : undefined
  }

  /** Returns a permit; undefined while the circuit is open, and while a probe is in flight. */
  permit(): Permit | undefined {
    if (!this.#opening) return CLOSED_PERMIT
    if (this.state === 'OPEN' || this.#probe) return undefined
    this.#probe = new Probe()
    return PROBE
  }

  /** Resolves when the probe in flight has ended; at once when there is none. */
  get probeEnded(): Promise<void> {
    return this.#probe?.ended ?? Promise.resolve()
  }

  /** Records a response of a working host. */
  succeed(permit: Permit): void {
    this.#failures = 0
    // a request that was sent before the circuit opened does not close it
    if (!permit.isProbe && this.#opening) return
    this.#failedProbes = 0
    this.#opening = undefined
    this.release(permit)
    if (this.#refusals === 0 || ++this.#recovery < RESPONSES_OF_RECOVERY) return
    this.#refusals -= 1
    this.#recovery = 0
  }

  /** Records a request that failed after its last attempt, or a failed probe. */
  fail(permit: Permit, cause: BreakerCause): void {
    this.#failures += 1
    if (permit.isProbe) {
      this.#failedProbes += 1
      this.#open(cause)
    } else if (!this.#opening && this.#failures >= this.#options.failures) this.#open(cause)
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
    const { clock, random, firstBackOff, longestOpen } = this.#options
    if (permit.isProbe || !this.#opening) {
      const refusals = this.#countRefusals()
      const pause = Math.min(firstBackOff * 2 ** refusals, longestOpen)
      this.#refusals = Math.min(refusals + 1, MAX_REFUSALS)
      this.#recovery = 0
      // jitter above: servers that were refused at the same time do not return at the same time
      this.#backedOffUntil = clock.now() + pause * (1 + random() / 4)
      this.#wait('BACK_OFF', this.#backedOffUntil, cause)
    }
    this.release(permit)
  }

  /** Forgets failures, because the way to the host has changed. A pause after a refusal remains. */
  reset(): void {
    this.#failures = 0
    if (this.#opening && this.#opening.kind !== 'FAILURES') return
    this.#failedProbes = 0
    this.#opening = undefined
  }

  /** Ends a request whose result proves nothing about the host. */
  release({ isProbe }: Permit): void {
    if (!isProbe) return
    this.#probe?.end()
    this.#probe = undefined
  }

  /** Returns the refusals that count; none when `longestOpen` has passed since the last back-off. */
  #countRefusals(): number {
    const { clock, longestOpen } = this.#options
    return clock.now() - this.#backedOffUntil > longestOpen ? 0 : this.#refusals
  }

  #wait(kind: 'REQUESTED' | 'BACK_OFF', until: number, cause: BreakerCause): void {
    if (this.#opening && until <= this.#opening.until) return
    this.#opening = { since: this.#options.clock.now(), until, ...bounded(cause), kind }
  }

  #open(cause: BreakerCause): void {
    const { clock, random, firstOpen, longestOpen } = this.#options
    const pause = Math.min(firstOpen * 2 ** Math.min(this.#failedProbes, 30), longestOpen)
    const since = clock.now()
    // jitter over the upper half: servers that lost a host at the same time do not return at the same time
    const until = since + pause * (0.5 + random() / 2)
    this.#opening = { since, until, ...bounded(cause), kind: 'FAILURES' }
  }
}

/** A probe in flight. */
class Probe {
  readonly ended: Promise<void>
  end = (): void => {}

  constructor() {
    this.ended = new Promise((resolve) => {
      this.end = resolve
    })
  }
}

function reasonOf({ failure, kind }: Opening): string {
  const text = 'status' in failure ? `it responded with ${failure.status}` : failure.message
  return kind === 'REQUESTED' ? `${text} and requested a pause` : text
}

function bounded({ failure, namespace }: BreakerCause): BreakerCause {
  if (!('status' in failure)) return { failure, namespace }
  const { status, headers, body } = failure
  const kept = body.byteLength > KEPT_BODY ? body.slice(0, KEPT_BODY) : body
  return { failure: { status, headers, body: kept }, namespace }
}

/** Returns the failure as another namespace may see it: a response's body may name the account or repeat a secret. */
export const failureFor = (namespace: string | null, cause: BreakerCause): HostFailure =>
  'status' in cause.failure && cause.namespace !== namespace
    ? { ...cause.failure, body: new Uint8Array() }
    : cause.failure

import type { Clock } from '../../concurrency/clock.ts'
import type { EgressError } from '../../egress/errors.ts'
import type { EgressResponse } from '../../egress/exchange.ts'

/** What counts against a host: an answer, or what kept one from arriving. */
export type Trouble = EgressResponse | EgressError

/** CLOSED: the host is asked. OPEN: it is left alone. HALF_OPEN: one request finds out whether it may be asked again. */
export type BreakerState = 'CLOSED' | 'OPEN' | 'HALF_OPEN'

/** What happened, and for which namespace the host was asked: what an answer says is for nobody else. */
export interface Cause {
  readonly trouble: Trouble
  readonly namespace: string | null
}

/** How a breaker stands; all null while it is closed. Times in milliseconds since 1970. */
export interface BreakerStatus {
  readonly state: BreakerState
  readonly since: number | null
  /** About "it", the host; never anything of an answer's body, which could repeat a secret. */
  readonly reason: string | null
  readonly nextAttempt: number | null
}

/** Leave to send one request; to be given back by one of `succeed`, `fail`, `pause` and `release`. */
export interface Pass {
  /** The one request that finds out whether the host may be asked again. */
  readonly isProbe: boolean
}

export interface BreakerOptions {
  readonly clock: Clock
  /** Between 0 and 1, as Math.random. */
  readonly random: () => number
  /** Requests in a row that fail before the host is left alone. */
  readonly failures: number
  /** Milliseconds of the first time that it is left alone; doubled with each time after that finds it failing still. */
  readonly firstPause: number
  readonly longestPause: number
}

interface Opening extends Cause {
  readonly since: number
  readonly until: number
  /** Whether the host itself said how long it wants to be left alone. */
  readonly asked: boolean
}

interface Probe {
  readonly ended: Promise<void>
  readonly end: () => void
}

/** Leave that nobody was asked for, as while all is well. */
export const SENT: Pass = { isProbe: false }
const PROBE: Pass = { isProbe: true }
/** Bytes of an answer that are kept to be given again: more of it is not read for an error's words. */
const KEPT_BODY = 64 * 1024

/**
 * Decides whether a host, or one account at it, is worth asking: not while it wants to be left alone, nor while it fails
 * and fails.
 */
export class Breaker {
  readonly #options: BreakerOptions
  #failures = 0
  /** Times in a row that it failed when it was tried again. */
  #relapses = 0
  #opening: Opening | undefined
  #probe: Probe | undefined

  constructor(options: BreakerOptions) {
    this.#options = options
  }

  get state(): BreakerState {
    if (!this.#opening) return 'CLOSED'
    return this.#opening.until > this.#options.clock.now() ? 'OPEN' : 'HALF_OPEN'
  }

  get standing(): BreakerStatus {
    const { state } = this
    if (!this.#opening) return { state, since: null, reason: null, nextAttempt: null }
    const { since, until, trouble, asked } = this.#opening
    const said = 'status' in trouble ? `it answered ${trouble.status}` : trouble.message
    const reason = asked ? `${said} and asked to be left alone` : said
    return { state, since: state === 'OPEN' ? since : until, reason, nextAttempt: until }
  }

  /** Until when it is left alone, because of what, and whether it said so itself; undefined unless it is open. */
  get opening(): Omit<Opening, 'since'> | undefined {
    return this.state === 'OPEN' ? this.#opening : undefined
  }

  /** Leave to ask now; undefined while it is open, and while another request finds out whether it may be asked again. */
  pass(): Pass | undefined {
    if (!this.#opening) return SENT
    if (this.state === 'OPEN' || this.#probe) return undefined
    let end = (): void => {}
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    this.#probe = { ended, end }
    return PROBE
  }

  /** Resolves when the request that finds out has; at once when there is none. */
  get probed(): Promise<void> {
    return this.#probe?.ended ?? Promise.resolve()
  }

  /** The host gave what a host gives that works. */
  succeed({ isProbe }: Pass): void {
    this.#failures = 0
    // one that was sent before the host asked to be left alone does not overrule that
    if (!isProbe && this.#opening) return
    this.#relapses = 0
    this.#opening = undefined
    this.#endProbe(isProbe)
  }

  /** A request failed for good, or that which found out did. */
  fail({ isProbe }: Pass, cause: Cause): void {
    this.#failures += 1
    if (isProbe) {
      this.#relapses += 1
      this.#open(cause)
    } else if (!this.#opening && this.#failures >= this.#options.failures) this.#open(cause)
    this.#endProbe(isProbe)
  }

  /** The host wants to be left alone until then; a later end wins over an earlier one. */
  pause({ isProbe }: Pass, until: number, cause: Cause): void {
    const since = this.#options.clock.now()
    if (!this.#opening || until > this.#opening.until) {
      this.#opening = { since, until, ...keptOf(cause), asked: true }
    }
    this.#endProbe(isProbe)
  }

  /** For when the way to the host is another one: that it failed so far says nothing. What it asked for stands. */
  forget(): void {
    this.#failures = 0
    if (this.#opening?.asked) return
    this.#relapses = 0
    this.#opening = undefined
  }

  /** The request was given up, or what became of it says nothing of the host. */
  release({ isProbe }: Pass): void {
    this.#endProbe(isProbe)
  }

  #open(cause: Cause): void {
    const { clock, random, firstPause, longestPause } = this.#options
    const pause = Math.min(firstPause * 2 ** Math.min(this.#relapses, 30), longestPause)
    const since = clock.now()
    // jitter over the upper half: servers that lost a host together do not come back to it together
    const until = since + pause * (0.5 + random() / 2)
    this.#opening = { since, until, ...keptOf(cause), asked: false }
  }

  #endProbe(isProbe: boolean): void {
    if (!isProbe) return
    this.#probe?.end()
    this.#probe = undefined
  }
}

function keptOf({ trouble, namespace }: Cause): Cause {
  if (!('status' in trouble)) return { trouble, namespace }
  const { status, headers, body } = trouble
  const kept = body.byteLength > KEPT_BODY ? body.slice(0, KEPT_BODY) : body
  return { trouble: { status, headers, body: kept }, namespace }
}

/** What somebody of a namespace may be told of it: the text of an answer may name the account, or repeat what it was shown. */
export const troubleFor = (namespace: string | null, cause: Cause): Trouble =>
  'status' in cause.trouble && cause.namespace !== namespace
    ? { ...cause.trouble, body: new Uint8Array() }
    : cause.trouble

import type { Clock } from '../../concurrency/clock.ts'

export interface BackOffOptions {
  readonly clock: Clock
  /** Between 0 and 1, as Math.random. */
  readonly random: () => number
  /** Milliseconds of the first back-off; doubled by each further refusal, up to `longestOpen`. */
  readonly firstBackOff: number
  readonly longestOpen: number
}

/** Responses of a working host that undo one refusal: after them, the next back-off is half as long. */
const RESPONSES_OF_RECOVERY = 10
/** Refusals that are counted. */
const MAX_REFUSALS = 30

/** Length of the pauses after refusals without a pause of their own: it doubles with each, and recovers gradually. */
export class BackOff {
  readonly #options: BackOffOptions
  /** Refusals that later responses have not undone. */
  #refusals = 0
  #until = 0
  /** Responses of a working host since the last refusal, or since they undid one. */
  #recovery = 0

  constructor(options: BackOffOptions) {
    this.#options = options
  }

  /** Whether the next pause is the first one again. */
  get idle(): boolean {
    return this.#count() === 0
  }

  /** Counts a refusal. Returns the end of its pause, in milliseconds since 1970. */
  refuse(): number {
    const { clock, random, firstBackOff, longestOpen } = this.#options
    const refusals = this.#count()
    const pause = Math.min(firstBackOff * 2 ** refusals, longestOpen)
    this.#refusals = Math.min(refusals + 1, MAX_REFUSALS)
    this.#recovery = 0
    // jitter above: servers that were refused at the same time do not return at the same time
    this.#until = clock.now() + pause * (1 + random() / 4)
    return this.#until
  }

  /** Counts a response of a working host. */
  recover(): void {
    if (this.#refusals === 0 || ++this.#recovery < RESPONSES_OF_RECOVERY) return
    this.#refusals -= 1
    this.#recovery = 0
  }

  /** Returns the refusals that count; none when `longestOpen` has passed since the last pause. */
  #count(): number {
    const { clock, longestOpen } = this.#options
    return clock.now() - this.#until > longestOpen ? 0 : this.#refusals
  }
}

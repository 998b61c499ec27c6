import { onAbort } from '../../concurrency/abort.ts'
import type { TokenBucket } from '../../concurrency/token-bucket.ts'
import { FairOrder } from './fair-order.ts'
import type { Prioritized } from './request-context.ts'

type RateLimit = Pick<TokenBucket, 'take' | 'wait'>

const UNLIMITED: RateLimit = { take: () => true, wait: async () => {} }

/** The requests to one host: a number of slots, a rate limit, and a fair order of those that wait. */
export class HostQueue {
  readonly #order = new FairOrder()
  readonly #rate: RateLimit
  #slots: number
  #inFlight = 0
  /** Set while the queue waits for the rate limit; waiting takes no slot. */
  #rateWait: AbortController | undefined

  constructor(slots: number, rate = UNLIMITED) {
    this.#slots = slots
    this.#rate = rate
  }

  /** Whether dropping this queue loses nothing. */
  get idle(): boolean {
    return this.#inFlight === 0 && this.#order.isEmpty
  }

  /** Requests that hold a slot. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** Requests that wait for a slot. */
  get waiting(): number {
    return this.#order.size
  }

  /** Changes the number of requests at a time; requests in flight continue. */
  set slots(slots: number) {
    if (slots === this.#slots) return
    this.#slots = slots
    this.#admit()
  }

  /** Applies a changed rate limit to the requests that wait. */
  rateChanged(): void {
    this.#rateWait?.abort()
  }

  /**
   * Takes a slot, which `leave` returns; undefined when one is free at once. Rejects with the signal's reason when it is
   * aborted while the request waits.
   */
  enter(lane: string, signal: AbortSignal, { urgency }: Prioritized = {}): Promise<void> | undefined {
    if (this.#inFlight < this.#slots && this.#order.isEmpty && this.#rate.take()) {
      this.#inFlight += 1
      return undefined
    }
    const turn = new Promise<void>((resolve, reject) => {
      const start = (): void => {
        unwatch()
        resolve()
      }
      const remove = this.#order.add(start, lane, urgency)
      const unwatch = onAbort(signal, () => {
        remove()
        if (this.#order.isEmpty) this.#rateWait?.abort()
        reject(signal.reason)
      })
    })
    this.#admit()
    return turn
  }

  leave(): void {
    this.#inFlight -= 1
    this.#admit()
  }

  /** Gives free slots to the requests whose turn it is. */
  #admit(): void {
    while (this.#inFlight < this.#slots && !this.#order.isEmpty) {
      if (!this.#rate.take()) {
        this.#admitLater()
        return
      }
      this.#inFlight += 1
      this.#order.next()?.()
    }
  }

  #admitLater(): void {
    if (this.#rateWait) return
    const wait = new AbortController()
    this.#rateWait = wait
    const admit = (): void => {
      this.#rateWait = undefined
      this.#admit()
    }
    // also after an abort, which happens when no request waits: another one may have arrived since
    this.#rate.wait(wait.signal).then(admit, admit)
  }
}

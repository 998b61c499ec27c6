import { onAbort } from '../egress/abort.ts'
import type { EgressResponse } from '../egress/exchange.ts'
import type { Clock } from './clock.ts'

/** A host that asked to be left alone: until when, and the answer that said so. */
export interface Pause {
  /** Milliseconds since 1970. */
  readonly until: number
  readonly answer: EgressResponse
  /** For which namespace it was asked: what the answer says is for nobody else. */
  readonly namespace: string | null
}

export interface HostQueueOptions {
  /** Requests at a time. */
  readonly slots: number
  readonly clock: Clock
}

/**
 * The requests to one host: so many at a time, and of those that wait one from each lane in turn, so that a large
 * import delays no small one.
 */
export class HostQueue {
  readonly #clock: Clock
  /** How to admit those that wait, in the order in which they came. */
  readonly #lanes = new Map<string, (() => void)[]>()
  readonly #slots: number
  #free: number
  #pause: Pause | undefined

  constructor({ slots, clock }: HostQueueOptions) {
    this.#slots = slots
    this.#free = slots
    this.#clock = clock
  }

  /** Whether forgetting this queue changes nothing. */
  get idle(): boolean {
    return this.#free === this.#slots && this.pause === undefined
  }

  /** The pause that still holds. */
  get pause(): Pause | undefined {
    if (this.#pause && this.#pause.until <= this.#clock.now()) this.#pause = undefined
    return this.#pause
  }

  /** A later end wins over an earlier one. */
  pauseUntil(pause: Pause): void {
    if (!this.#pause || pause.until > this.#pause.until) this.#pause = pause
  }

  /** Takes a slot, which `leave` gives back; rejects with the signal's reason when it is aborted while waiting. */
  enter(lane: string, signal: AbortSignal): Promise<void> | undefined {
    if (this.#free > 0) {
      this.#free -= 1
      return undefined
    }
    return new Promise((resolve, reject) => {
      const waiting = this.#lanes.get(lane) ?? []
      const admit = (): void => {
        unwatch()
        resolve()
      }
      const unwatch = onAbort(signal, () => {
        waiting.splice(waiting.indexOf(admit), 1)
        if (waiting.length === 0) this.#lanes.delete(lane)
        reject(signal.reason)
      })
      waiting.push(admit)
      this.#lanes.set(lane, waiting)
    })
  }

  leave(): void {
    const [turn] = this.#lanes
    if (!turn) {
      this.#free += 1
      return
    }
    const [lane, waiting] = turn
    const next = waiting.shift()
    // to the end of the round
    this.#lanes.delete(lane)
    if (waiting.length > 0) this.#lanes.set(lane, waiting)
    next?.()
  }
}

import { onAbort } from '../egress/abort.ts'

/**
 * The requests to one host: so many at a time, and of those that wait one from each lane in turn, so that a large
 * import delays no small one.
 */
export class HostQueue {
  /** How to admit those that wait, in the order in which they came. */
  readonly #lanes = new Map<string, (() => void)[]>()
  readonly #slots: number
  #free: number

  /** `slots` requests at a time. */
  constructor(slots: number) {
    this.#slots = slots
    this.#free = slots
  }

  /** Whether forgetting this queue changes nothing. */
  get idle(): boolean {
    return this.#free === this.#slots
  }

  /** Requests that hold a slot. */
  get inFlight(): number {
    return this.#slots - this.#free
  }

  /** Requests that wait for one. */
  get waiting(): number {
    let waiting = 0
    for (const lane of this.#lanes.values()) waiting += lane.length
    return waiting
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

import { onAbort } from '../egress/abort.ts'

/** Whether people wait for a request, or nobody does. */
export interface Urgency {
  /** Nobody waits for it: people go first, and the rest of what a host still gives is kept for them. */
  readonly scheduled?: boolean
}

/** Requests that wait: how to admit them, by their lanes, each lane in the order in which they came. */
type Lanes = Map<string, (() => void)[]>

/** Of so many turns in a row that both people and schedules wait for, the last is a schedule's. */
const TURNS = 4

/**
 * The requests to one host: so many at a time, and of those that wait one from each lane in turn, so that a large
 * import delays no small one. What people wait for goes before what is scheduled, three turns of four.
 */
export class HostQueue {
  readonly #people: Lanes = new Map()
  readonly #schedules: Lanes = new Map()
  /** Turns in a row that people got while schedules waited. */
  #preferred = 0
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
    for (const lanes of [this.#people, this.#schedules]) {
      for (const lane of lanes.values()) waiting += lane.length
    }
    return waiting
  }

  /** Takes a slot, which `leave` gives back; rejects with the signal's reason when it is aborted while waiting. */
  enter(lane: string, signal: AbortSignal, { scheduled }: Urgency = {}): Promise<void> | undefined {
    if (this.#free > 0) {
      this.#free -= 1
      return undefined
    }
    return new Promise((resolve, reject) => {
      const lanes = scheduled ? this.#schedules : this.#people
      const waiting = lanes.get(lane) ?? []
      const admit = (): void => {
        unwatch()
        resolve()
      }
      const unwatch = onAbort(signal, () => {
        waiting.splice(waiting.indexOf(admit), 1)
        if (waiting.length === 0) lanes.delete(lane)
        reject(signal.reason)
      })
      waiting.push(admit)
      lanes.set(lane, waiting)
    })
  }

  leave(): void {
    const lanes = this.#next()
    const [turn] = lanes
    if (!turn) {
      this.#free += 1
      return
    }
    const [lane, waiting] = turn
    const next = waiting.shift()
    // to the end of the round
    lanes.delete(lane)
    if (waiting.length > 0) lanes.set(lane, waiting)
    next?.()
  }

  /** Whose turn it is. */
  #next(): Lanes {
    const isPreferred = this.#people.size > 0 && (this.#schedules.size === 0 || this.#preferred < TURNS - 1)
    this.#preferred = isPreferred && this.#schedules.size > 0 ? this.#preferred + 1 : 0
    return isPreferred ? this.#people : this.#schedules
  }
}

import { onAbort } from '../egress/abort.ts'

/** Who waits for a request. */
export interface Urgency {
  /** A webhook's sender, or nobody, for it was merely due; a person unless given. */
  readonly urgency?: 'webhook' | 'schedule'
}

/** Requests that wait: how to admit them, by their lanes, each lane in the order in which they came. */
type Lanes = Map<string, (() => void)[]>

/** Those of one urgency, and how many turns of the round are still theirs. */
interface Rank {
  readonly lanes: Lanes
  readonly turns: number
  left: number
}

const rankOf = (turns: number): Rank => ({ lanes: new Map(), turns, left: turns })

/**
 * The requests to one host: so many at a time. Of those that wait webhooks go before people and people before schedules,
 * and none of them starves: of eight turns that all wait for, four are webhooks', three people's and one a schedule's,
 * in this order; what one of them does not need is shared by the others alike. Within each, one request from each lane
 * in turn: a large import delays no small one. So no lane waits for more than sixteen turns for each lane of its
 * urgency, whoever else comes.
 */
export class HostQueue {
  readonly #webhooks = rankOf(4)
  readonly #people = rankOf(3)
  readonly #schedules = rankOf(1)
  /** The most urgent first. */
  readonly #ranks: readonly Rank[] = [this.#webhooks, this.#people, this.#schedules]
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
    for (const { lanes } of this.#ranks) for (const lane of lanes.values()) waiting += lane.length
    return waiting
  }

  /** Takes a slot, which `leave` gives back; rejects with the signal's reason when it is aborted while waiting. */
  enter(lane: string, signal: AbortSignal, { urgency }: Urgency = {}): Promise<void> | undefined {
    if (this.#free > 0) {
      this.#free -= 1
      return undefined
    }
    return new Promise((resolve, reject) => {
      const { lanes } = this.#rankOf(urgency)
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
    const lanes = this.#next()?.lanes
    const [turn] = lanes ?? []
    if (!lanes || !turn) {
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

  #rankOf(urgency: Urgency['urgency']): Rank {
    if (urgency === undefined) return this.#people
    return urgency === 'webhook' ? this.#webhooks : this.#schedules
  }

  /** Whose turn it is; undefined when nobody waits. */
  #next(): Rank | undefined {
    const waiting = this.#ranks.filter(({ lanes }) => lanes.size > 0)
    // a turn that nobody else waited for is taken from nobody
    if (waiting.length < 2 || waiting.every(({ left }) => left === 0)) {
      for (const rank of this.#ranks) rank.left = rank.turns
    }
    const next = waiting.find(({ left }) => left > 0)
    if (next && waiting.length > 1) next.left -= 1
    return next
  }
}

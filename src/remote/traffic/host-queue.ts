import { onAbort } from '../../concurrency/abort.ts'
import type { TokenBucket } from '../../concurrency/token-bucket.ts'

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
 * urgency, whoever else comes. With a pace, turns come no faster than that, and waiting for one takes no slot.
 */
export class HostQueue {
  readonly #webhooks = rankOf(4)
  readonly #people = rankOf(3)
  readonly #schedules = rankOf(1)
  /** The most urgent first. */
  readonly #ranks: readonly Rank[] = [this.#webhooks, this.#people, this.#schedules]
  readonly #pace: Pick<TokenBucket, 'take' | 'wait'>
  #slots: number
  #inFlight = 0
  /** There while the pace is waited for. */
  #nap: AbortController | undefined

  /** `slots` requests at a time, as often as the pace lets them, if there is one. */
  constructor(slots: number, pace: Pick<TokenBucket, 'take' | 'wait'> = UNHURRIED) {
    this.#slots = slots
    this.#pace = pace
  }

  /** Whether forgetting this queue changes nothing. */
  get idle(): boolean {
    return this.#inFlight === 0 && this.waiting === 0
  }

  /** Requests that hold a slot. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** Requests that wait for one. */
  get waiting(): number {
    let waiting = 0
    for (const { lanes } of this.#ranks) for (const lane of lanes.values()) waiting += lane.length
    return waiting
  }

  /** From now on so many at a time; what is under way goes on. */
  set slots(slots: number) {
    if (slots === this.#slots) return
    this.#slots = slots
    this.#admit()
  }

  /** The pace is another one from now on. */
  hurry(): void {
    this.#nap?.abort()
  }

  /** Takes a slot, which `leave` gives back; rejects with the signal's reason when it is aborted while waiting. */
  enter(lane: string, signal: AbortSignal, { urgency }: Urgency = {}): Promise<void> | undefined {
    if (this.#inFlight < this.#slots && !this.#someoneWaits && this.#pace.take()) {
      this.#inFlight += 1
      return undefined
    }
    const turn = new Promise<void>((resolve, reject) => {
      const { lanes } = this.#rankOf(urgency)
      const waiting = lanes.get(lane) ?? []
      const admit = (): void => {
        unwatch()
        resolve()
      }
      const unwatch = onAbort(signal, () => {
        waiting.splice(waiting.indexOf(admit), 1)
        if (waiting.length === 0) lanes.delete(lane)
        if (!this.#someoneWaits) this.#nap?.abort()
        reject(signal.reason)
      })
      waiting.push(admit)
      lanes.set(lane, waiting)
    })
    this.#admit()
    return turn
  }

  leave(): void {
    this.#inFlight -= 1
    this.#admit()
  }

  get #someoneWaits(): boolean {
    return this.#ranks.some(({ lanes }) => lanes.size > 0)
  }

  #rankOf(urgency: Urgency['urgency']): Rank {
    if (urgency === undefined) return this.#people
    return urgency === 'webhook' ? this.#webhooks : this.#schedules
  }

  /** Gives the free slots to those whose turn it is. */
  #admit(): void {
    while (this.#inFlight < this.#slots && this.#someoneWaits) {
      if (!this.#pace.take()) {
        this.#admitLater()
        return
      }
      this.#inFlight += 1
      this.#nextTurn()?.()
    }
  }

  #admitLater(): void {
    if (this.#nap) return
    const nap = new AbortController()
    this.#nap = nap
    const wake = (): void => {
      this.#nap = undefined
      this.#admit()
    }
    // aborted when nobody waits any more; somebody may have come since
    this.#pace.wait(nap.signal).then(wake, wake)
  }

  /** Takes out who is next, and counts the turn. */
  #nextTurn(): (() => void) | undefined {
    const { lanes } = this.#nextRank() ?? {}
    const [turn] = lanes ?? []
    if (!lanes || !turn) return undefined
    const [lane, waiting] = turn
    const next = waiting.shift()
    // to the end of the round
    lanes.delete(lane)
    if (waiting.length > 0) lanes.set(lane, waiting)
    return next
  }

  #nextRank(): Rank | undefined {
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

const UNHURRIED = { take: () => true, wait: async () => {} }

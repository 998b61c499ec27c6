import type { Prioritized } from './request-context.ts'

/** Starts a request that waits. */
type Start = () => void

/** The waiting requests of one urgency, and its share of a round of turns. */
interface Rank {
  /** Requests by lane, each lane in order of arrival; the lane whose turn is next comes first. */
  readonly lanes: Map<string, Start[]>
  readonly turns: number
  /** Turns that are left in this round. */
  left: number
}

const rankOf = (turns: number): Rank => ({ lanes: new Map(), turns, left: turns })

/**
 * The order in which waiting requests are served. Of eight turns webhooks get four, API clients three and schedules one,
 * in this order; turns that one of them does not need go to the others. Within an urgency the lanes take turns. A lane
 * therefore waits at most sixteen turns for each lane of its urgency.
 */
export class FairOrder {
  readonly #webhooks = rankOf(4)
  readonly #clients = rankOf(3)
  readonly #schedules = rankOf(1)
  /** The most urgent first. */
  readonly #ranks: readonly Rank[] = [this.#webhooks, this.#clients, this.#schedules]

  get isEmpty(): boolean {
    return this.#ranks.every(({ lanes }) => lanes.size === 0)
  }

  get size(): number {
    let size = 0
    for (const { lanes } of this.#ranks) for (const lane of lanes.values()) size += lane.length
    return size
  }

  /** Adds a request at the end of its lane. Returns a function that removes it. */
  add(start: Start, lane: string, urgency: Prioritized['urgency']): () => void {
    const { lanes } = this.#rankOf(urgency)
    const waiting = lanes.get(lane) ?? []
    waiting.push(start)
    lanes.set(lane, waiting)
    return () => {
      waiting.splice(waiting.indexOf(start), 1)
      if (waiting.length === 0) lanes.delete(lane)
    }
  }

  /** Removes and returns the next request, and counts its turn; undefined when none waits. */
  next(): Start | undefined {
    const { lanes } = this.#nextRank() ?? {}
    const [turn] = lanes ?? []
    if (!lanes || !turn) return undefined
    const [lane, waiting] = turn
    const start = waiting.shift()
    // the lane moves to the end of the round
    lanes.delete(lane)
    if (waiting.length > 0) lanes.set(lane, waiting)
    return start
  }

  #rankOf(urgency: Prioritized['urgency']): Rank {
    if (urgency === undefined) return this.#clients
    return urgency === 'webhook' ? this.#webhooks : this.#schedules
  }

  #nextRank(): Rank | undefined {
    const waiting = this.#ranks.filter(({ lanes }) => lanes.size > 0)
    // a turn for which only one urgency waits costs it nothing
    if (waiting.length < 2 || waiting.every(({ left }) => left === 0)) {
      for (const rank of this.#ranks) rank.left = rank.turns
    }
    const next = waiting.find(({ left }) => left > 0)
    if (next && waiting.length > 1) next.left -= 1
    return next
  }
}

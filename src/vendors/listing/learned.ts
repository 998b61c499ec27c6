import { Remembered } from '../../concurrency/cache.ts'
import { unlessAborted } from '../../concurrency/clock.ts'

/** What was learned, and until when it is believed, in milliseconds since 1970. */
export interface Lesson<Value> {
  readonly value: Value
  readonly until: number
}

/** Who wants to know. */
export interface Learner {
  readonly signal: AbortSignal
  now(): number
}

interface Flight<Value> {
  readonly value: Promise<Value>
  readonly leader: AbortSignal
}

/** Things that are learned once however many want to know, and believed for a while. */
export class Learned<Value> {
  readonly #kept: Remembered<{ readonly value: Value }>
  readonly #flights = new Map<string, Flight<Value>>()

  /** Remembers so many. */
  constructor(size: number) {
    this.#kept = new Remembered(size)
  }

  /** What is known, else what `learn` finds. Rejects as that does, or with the signal's reason once it is aborted. */
  async get(key: string, learner: Learner, learn: () => Promise<Lesson<Value>>): Promise<Value> {
    for (;;) {
      const kept = this.#kept.get(key, learner.now())
      if (kept) return kept.value
      const flight = this.#flights.get(key) ?? this.#depart(key, learner, learn)
      try {
        return await unlessAborted(flight.value, learner.signal)
      } catch (error) {
        learner.signal.throwIfAborted()
        // whoever began this went away; the others still want to know
        if (!flight.leader.aborted) throw error
      }
    }
  }

  forget(key: string): void {
    this.#kept.forget(key)
  }

  #depart(key: string, learner: Learner, learn: () => Promise<Lesson<Value>>): Flight<Value> {
    const value = learn()
      .then((lesson) => {
        this.#kept.set(key, { value: lesson.value }, lesson.until)
        return lesson.value
      })
      .finally(() => this.#flights.delete(key))
    // nobody may be left to hear of its failure
    value.catch(() => {})
    const flight = { value, leader: learner.signal }
    this.#flights.set(key, flight)
    return flight
  }
}

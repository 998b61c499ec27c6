import { ExpiringCache } from '../../concurrency/cache.ts'
import { SingleFlight } from '../../concurrency/single-flight.ts'

/** A value, and until when it is cached, in milliseconds since 1970. */
export interface Lesson<Value> {
  readonly value: Value
  readonly until: number
}

/** Who wants to know. */
export interface Learner {
  readonly signal: AbortSignal
  now(): number
}

/** Values that are fetched once however many callers want them at the same time, and cached for a while. */
export class Learned<Value> {
  readonly #cache: ExpiringCache<{ readonly value: Value }>
  readonly #flights = new SingleFlight<Value>()

  /** Keeps at most so many values. */
  constructor(size: number) {
    this.#cache = new ExpiringCache(size)
  }

  /** The cached value, else what `learn` finds. Rejects as that does, or with the signal's reason once it is aborted. */
  async get(key: string, learner: Learner, learn: () => Promise<Lesson<Value>>): Promise<Value> {
    const cached = this.#cache.get(key, learner.now())
    if (cached) return cached.value
    const fetchOnce = async (): Promise<Value> => {
      const { value, until } = await learn()
      this.#cache.set(key, { value }, until)
      return value
    }
    return this.#flights.run(key, fetchOnce, learner.signal)
  }

  forget(key: string): void {
    this.#cache.delete(key)
  }
}

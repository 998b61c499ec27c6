import { ExpiringCache } from '../../concurrency/cache.ts'
import { SingleFlight } from '../../concurrency/single-flight.ts'

/** A value, and until when it is cached, in milliseconds since 1970. */
export interface CachedValue<Value> {
  readonly value: Value
  readonly until: number
}

/** A caller of a cache: its signal and its clock. */
export interface CacheCaller {
  readonly signal: AbortSignal
  /** Milliseconds since 1970. */
  now(): number
}

/** A cache whose values are loaded once for all concurrent callers. */
export class SharedCache<Value> {
  readonly #cache: ExpiringCache<{ readonly value: Value }>
  readonly #flights = new SingleFlight<Value>()

  /** Keeps at most `max` values. */
  constructor(max: number) {
    this.#cache = new ExpiringCache(max)
  }

  /** Returns the cached value, or loads it. Rejects as `load` does, or with the signal's reason once it is aborted. */
  async get(key: string, caller: CacheCaller, load: () => Promise<CachedValue<Value>>): Promise<Value> {
    const cached = this.#cache.get(key, caller.now())
    if (cached) return cached.value
    const loadOnce = async (): Promise<Value> => {
      const { value, until } = await load()
      this.#cache.set(key, { value }, until)
      return value
    }
    return this.#flights.run(key, loadOnce, caller.signal)
  }

  delete(key: string): void {
    this.#cache.delete(key)
  }
}

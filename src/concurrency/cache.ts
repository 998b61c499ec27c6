import { LRUCache } from 'lru-cache'
import { SingleFlight } from './single-flight.ts'

/** A value, and until when it is cached, in milliseconds since 1970. */
export interface CachedValue<Value> {
  readonly value: Value
  readonly until: number
}

/** A bounded cache in which each entry has its own expiry time. The caller passes the current time, so that tests can set it. */
export class ExpiringCache<Value> {
  readonly #entries: LRUCache<string, CachedValue<Value>>

  /** Keeps at most `max` entries; the least recently used is dropped first. */
  constructor(max: number) {
    this.#entries = new LRUCache({ max })
  }

  /** Returns the value; undefined for an unknown key and for an expired entry. `now` in milliseconds since 1970. */
  get(key: string, now: number): Value | undefined {
    const entry = this.#entries.get(key)
    return entry && entry.until > now ? entry.value : undefined
  }

  /** `until` in milliseconds since 1970. */
  set(key: string, value: Value, until: number): void {
    this.#entries.set(key, { value, until })
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }
}

/** A caller of a shared cache: its signal and its clock. */
export interface CacheCaller<Value> {
  readonly signal: AbortSignal
  /** Milliseconds since 1970. */
  now(): number
  /** Reports whether the caller can use a cached value; any by default. */
  readonly accepts?: (value: Value) => boolean
}

/** A bounded cache whose values are loaded once for all concurrent callers. */
export class SharedCache<Value> {
  readonly #entries: LRUCache<string, CachedValue<Value>>
  readonly #flights = new SingleFlight<Value>()

  /** Keeps at most `max` values; the least recently used is dropped first. */
  constructor(max: number) {
    this.#entries = new LRUCache({ max })
  }

  /** Returns the cached value, or loads it. Rejects as `load` does, or with the signal's reason once it is aborted. */
  async get(
    key: string,
    caller: CacheCaller<Value>,
    load: () => Promise<CachedValue<Value>>,
  ): Promise<Value> {
    const cached = this.#entries.get(key)
    if (cached && cached.until > caller.now() && caller.accepts?.(cached.value) !== false) return cached.value
    const loadOnce = async (): Promise<Value> => {
      const loaded = await load()
      this.#entries.set(key, loaded)
      return loaded.value
    }
    return this.#flights.run(key, loadOnce, caller.signal)
  }

  /** Returns the last value that was loaded, also an expired one; undefined for none, and for a dropped one. */
  last(key: string): Value | undefined {
    return this.#entries.peek(key)?.value
  }

  /** Lets the next caller load the value again. `last` returns the old value until then. */
  expire(key: string): void {
    const cached = this.#entries.peek(key)
    if (cached) this.#entries.set(key, { ...cached, until: 0 })
  }
}

/** Returns the function with a cache of its `max` most recently used results. The function must be pure. */
export function memoized<Result extends NonNullable<unknown>>(
  compute: (key: string) => Result,
  max = 1000,
): (key: string) => Result {
  const results = new LRUCache<string, Result>({ max })
  return (key) => {
    const known = results.get(key)
    if (known !== undefined) return known
    const result = compute(key)
    results.set(key, result)
    return result
  }
}

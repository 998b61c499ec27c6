import { LRUCache } from 'lru-cache'

interface Entry<Value> {
  readonly value: Value
  /** Milliseconds since 1970. */
  readonly until: number
}

/** A bounded cache in which each entry has its own expiry time. The caller passes the current time, so that tests can set it. */
export class ExpiringCache<Value> {
  readonly #entries: LRUCache<string, Entry<Value>>

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

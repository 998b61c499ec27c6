/** A few things that are believed for a while; what was learned longest ago is forgotten first. */
export class Remembered<Value> {
  readonly #kept = new Map<string, { readonly value: Value; readonly until: number }>()
  readonly #size: number

  constructor(size: number) {
    this.#size = size
  }

  get(key: string, now: number): Value | undefined {
    const kept = this.#kept.get(key)
    return kept && kept.until > now ? kept.value : undefined
  }

  /** `until` in milliseconds since 1970. */
  set(key: string, value: Value, until: number): void {
    this.#kept.delete(key)
    this.#kept.set(key, { value, until })
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= this.#size) break
      this.#kept.delete(oldest)
    }
  }

  forget(key: string): void {
    this.#kept.delete(key)
  }
}

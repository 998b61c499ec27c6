/** A bounded map in which idle values are dropped to make room, the least recently used first. */
export class IdleMap<Value extends { readonly idle: boolean }> {
  readonly #values = new Map<string, Value>()
  readonly #max: number
  readonly #dropsBusy: boolean

  /** Grows beyond `max` while no value is idle, unless `dropsBusy`. */
  constructor(max: number, { dropsBusy = false } = {}) {
    this.#max = max
    this.#dropsBusy = dropsBusy
  }

  get(key: string): Value | undefined {
    return this.#values.get(key)
  }

  getOrCreate(key: string, create: () => Value): Value {
    const known = this.#values.get(key)
    const value = known ?? create()
    if (known) this.#values.delete(key)
    else this.#makeRoom()
    // a map iterates in the order of insertion: the most recently used is last
    this.#values.set(key, value)
    return value
  }

  /** The least recently used first. */
  [Symbol.iterator](): Iterator<[string, Value]> {
    return this.#values.entries()
  }

  #makeRoom(): void {
    for (const [key, { idle }] of this.#values) {
      if (this.#values.size < this.#max) return
      if (idle) this.#values.delete(key)
    }
    const [oldest] = this.#values.keys()
    if (this.#dropsBusy && this.#values.size >= this.#max && oldest !== undefined) this.#values.delete(oldest)
  }
}

/** One at a time for each key, in the order they came. */
export class KeyLock {
  readonly #last = new Map<string, Promise<unknown>>()

  async run<Result>(key: string, work: () => Result | Promise<Result>): Promise<Result> {
    const before = this.#last.get(key)
    const mine = before ? before.then(work) : Promise.resolve().then(work)
    // whoever comes next waits for the end of this, good or bad
    const ended = mine.then(ignore, ignore)
    this.#last.set(key, ended)
    try {
      return await mine
    } finally {
      if (this.#last.get(key) === ended) this.#last.delete(key)
    }
  }
}

const ignore = (): void => {}

/** Mutual exclusion by key: work of one key runs one at a time, in the order of the calls. */
export class KeyLock {
  readonly #last = new Map<string, Promise<unknown>>()

  /** Settles as the work does. */
  async run<Result>(key: string, work: () => Result | Promise<Result>): Promise<Result> {
    const current = (this.#last.get(key) ?? Promise.resolve()).then(work)
    // the next work of the key starts when this has ended, whether it succeeded or failed
    const ended = current.then(ignore, ignore)
    this.#last.set(key, ended)
    try {
      return await current
    } finally {
      if (this.#last.get(key) === ended) this.#last.delete(key)
    }
  }
}

const ignore = (): void => {}

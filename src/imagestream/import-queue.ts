interface Work<Key> {
  readonly key: Key
  readonly run: () => Promise<void>
}

/** Runs work in the order it was added: one at a time for a key, so many at a time over all. */
export class ImportQueue<Key> {
  readonly #limit: number
  readonly #running = new Map<Key, Promise<void>>()
  #waiting: Work<Key>[] = []

  constructor(limit: number) {
    this.#limit = limit
  }

  /** `run` must not reject. */
  add(key: Key, run: () => Promise<void>): void {
    this.#waiting.push({ key, run })
    this.#startNext()
  }

  /** Forgets what waits and resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#waiting = []
    await Promise.all(this.#running.values())
  }

  #startNext(): void {
    while (this.#running.size < this.#limit) {
      const at = this.#waiting.findIndex(({ key }) => !this.#running.has(key))
      const [next] = at < 0 ? [] : this.#waiting.splice(at, 1)
      if (!next) return
      const running = next.run().finally(() => {
        this.#running.delete(next.key)
        this.#startNext()
      })
      this.#running.set(next.key, running)
    }
  }
}

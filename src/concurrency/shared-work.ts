interface Work {
  readonly result: Promise<unknown>
  users: number
}

/**
 * Work that several want at the same time is done by the first, and its result is kept until the last of them lets
 * go. A failure is the first one's own: the others try for themselves, with their own connection and credentials.
 */
export class SharedWork {
  readonly #works = new Map<string, Work>()

  /** What was begun here is held until the share is disposed of. */
  begin(): WorkShare {
    return new WorkShare(this.#works)
  }
}

export class WorkShare implements Disposable {
  readonly #works: Map<string, Work>
  readonly #held = new Map<string, Work>()

  constructor(works: Map<string, Work>) {
    this.#works = works
  }

  async once<Result>(key: string, make: () => Promise<Result>): Promise<Result> {
    for (let work = this.#works.get(key); work; work = this.#works.get(key)) {
      try {
        const result = await work.result
        this.#hold(key, work)
        return result as Result
      } catch {
        if (this.#works.get(key) === work) this.#works.delete(key)
      }
    }
    const work: Work = { result: make(), users: 0 }
    this.#works.set(key, work)
    try {
      const result = await work.result
      this.#hold(key, work)
      return result as Result
    } catch (error) {
      if (this.#works.get(key) === work) this.#works.delete(key)
      throw error
    }
  }

  #hold(key: string, work: Work): void {
    if (this.#held.has(key)) return
    work.users++
    this.#held.set(key, work)
  }

  [Symbol.dispose](): void {
    for (const [key, work] of this.#held) {
      if (--work.users === 0 && this.#works.get(key) === work) this.#works.delete(key)
    }
    this.#held.clear()
  }
}

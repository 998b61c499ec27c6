interface Work {
  readonly result: Promise<unknown>
  /** Shares that hold the result. */
  holders: number
}

/**
 * Work that is done once for all callers that need its result at the same time; the result is kept while any of them
 * holds it. Unlike in SingleFlight a failure belongs to the caller that did the work: each of the others repeats it with
 * its own connection and credentials.
 */
export class SharedWork {
  readonly #works = new Map<string, Work>()

  /** Creates a share, which holds the results that it received until it is disposed of. */
  begin(): WorkShare {
    return new WorkShare(this.#works)
  }
}

/** The results that one caller of shared work holds. */
export class WorkShare implements Disposable {
  readonly #works: Map<string, Work>
  readonly #held = new Map<string, Work>()

  constructor(works: Map<string, Work>) {
    this.#works = works
  }

  /** Resolves with the result for the key, which `make` produces unless a share holds it or produces it now. */
  async once<Result>(key: string, make: () => Promise<Result>): Promise<Result> {
    for (;;) {
      const shared = this.#works.get(key)
      const work = shared ?? this.#start(key, make)
      try {
        const result = await work.result
        this.#hold(key, work)
        return result as Result
      } catch (error) {
        if (this.#works.get(key) === work) this.#works.delete(key)
        if (!shared) throw error
      }
    }
  }

  #start(key: string, make: () => Promise<unknown>): Work {
    const work: Work = { result: make(), holders: 0 }
    this.#works.set(key, work)
    return work
  }

  #hold(key: string, work: Work): void {
    if (this.#held.has(key)) return
    work.holders++
    this.#held.set(key, work)
  }

  [Symbol.dispose](): void {
    for (const [key, work] of this.#held) {
      if (--work.holders === 0 && this.#works.get(key) === work) this.#works.delete(key)
    }
    this.#held.clear()
  }
}

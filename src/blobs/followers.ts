/** One who reads an upload while it is written. */
export class Follower {
  #wake: (() => void) | undefined
  #failure: { readonly error: unknown } | undefined

  /** Resolves at the next change. Whoever calls looks first: a change before is not told. */
  changed(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  /** Throws why the upload will never be whole. */
  throwIfFailed(): void {
    if (this.#failure) throw this.#failure.error
  }

  wake(): void {
    this.#wake?.()
    this.#wake = undefined
  }

  fail(error: unknown): void {
    this.#failure ??= { error }
    this.wake()
  }
}

/** Those who read one upload, each at its own pace. */
export class Followers {
  readonly #followers = new Set<Follower>()

  /** Gives the work a follower of its own, for as long as it lasts. */
  async lead<Result>(work: (follower: Follower) => Promise<Result>): Promise<Result> {
    const follower = new Follower()
    this.#followers.add(follower)
    try {
      return await work(follower)
    } finally {
      this.#followers.delete(follower)
    }
  }

  wake(): void {
    for (const follower of this.#followers) follower.wake()
  }

  fail(error: unknown): void {
    for (const follower of this.#followers) follower.fail(error)
  }
}

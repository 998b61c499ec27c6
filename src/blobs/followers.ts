/** A reader of an upload that is being written. */
export class Follower {
  #wake: (() => void) | undefined
  #failure: { readonly error: unknown } | undefined

  /** Resolves at the next change; the caller must first check the current state. */
  changed(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  /** Throws the reason if the upload cannot be completed. */
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

/** The readers of one upload, each at its own pace. */
export class Followers {
  readonly #followers = new Set<Follower>()

  /** Runs work with a new follower, which is removed at its end. */
  async follow<Result>(work: (follower: Follower) => Promise<Result>): Promise<Result> {
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

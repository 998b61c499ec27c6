interface QueuedWork<Key> {
  readonly key: Key
  readonly run: () => Promise<void>
}

/** The waiting work of one group, oldest first, and the number of its running works. */
interface QueueGroup<Key> {
  readonly waiting: QueuedWork<Key>[]
  running: number
}

export interface QueueLimits {
  /** Works of all groups that run at a time. */
  readonly running: number
  /** Works of one group that run at a time. */
  readonly ofGroup: number
}

/**
 * Queue that runs one work at a time for each key, and limits the works of all groups and of one group. Groups take
 * turns, and works of one group start in the order in which they were added: a slow group does not block the others.
 */
export class ImportQueue<Key> {
  readonly #limits: QueueLimits
  readonly #running = new Map<Key, Promise<void>>()
  /** In the order of their turns. */
  readonly #groups = new Map<string, QueueGroup<Key>>()

  constructor(limits: QueueLimits) {
    this.#limits = limits
  }

  /** `run` must not reject. */
  add({ key, group: name }: { readonly key: Key; readonly group: string }, run: () => Promise<void>): void {
    const group = this.#groups.get(name) ?? { waiting: [], running: 0 }
    this.#groups.set(name, group)
    group.waiting.push({ key, run })
    this.#startNext()
  }

  /** Drops waiting works. Resolves when no work runs. */
  async stop(): Promise<void> {
    for (const { waiting } of this.#groups.values()) waiting.length = 0
    await Promise.all(this.#running.values())
  }

  #startNext(): void {
    while (this.#running.size < this.#limits.running) {
      const turn = this.#nextTurn()
      if (!turn) return
      const [name, group, { key, run }] = turn
      group.running += 1
      // to the end of the round
      this.#groups.delete(name)
      this.#groups.set(name, group)
      const running = run().finally(() => {
        this.#running.delete(key)
        group.running -= 1
        if (group.running === 0 && group.waiting.length === 0) this.#groups.delete(name)
        this.#startNext()
      })
      this.#running.set(key, running)
    }
  }

  #nextTurn(): [string, QueueGroup<Key>, QueuedWork<Key>] | undefined {
    for (const [name, group] of this.#groups) {
      if (group.running >= this.#limits.ofGroup) continue
      const at = group.waiting.findIndex(({ key }) => !this.#running.has(key))
      const [work] = at < 0 ? [] : group.waiting.splice(at, 1)
      if (work) return [name, group, work]
    }
    return undefined
  }
}

interface Work<Key> {
  readonly key: Key
  readonly run: () => Promise<void>
}

/** Work of one group: what waits, the oldest first, and how much of it runs. */
interface Group<Key> {
  readonly waiting: Work<Key>[]
  running: number
}

export interface QueueLimits {
  /** Over all. */
  readonly running: number
  /** Of one group. */
  readonly ofGroup: number
}

/**
 * Runs work: one at a time for a key, so many at a time over all, and no more than its share of one group. Groups take
 * turns, and each goes by the order in which its work was added: one whose work does not end holds up no other.
 */
export class ImportQueue<Key> {
  readonly #limits: QueueLimits
  readonly #running = new Map<Key, Promise<void>>()
  /** In the order of their turns. */
  readonly #groups = new Map<string, Group<Key>>()

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

  /** Forgets what waits and resolves when nothing runs any more. */
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

  #nextTurn(): [string, Group<Key>, Work<Key>] | undefined {
    for (const [name, group] of this.#groups) {
      if (group.running >= this.#limits.ofGroup) continue
      const at = group.waiting.findIndex(({ key }) => !this.#running.has(key))
      const [work] = at < 0 ? [] : group.waiting.splice(at, 1)
      if (work) return [name, group, work]
    }
    return undefined
  }
}

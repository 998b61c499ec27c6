/**
 * Works on the items in order, at most `limit` at a time. Rejects with the first rejection, and starts no further item
 * after it; items in progress continue.
 */
export async function forEachBounded<Item>(
  items: Iterable<Item>,
  limit: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  // all workers take from one generator, which the loop of a worker that fails closes for all of them
  const shared = iterate(items)
  const worker = async (): Promise<void> => {
    for (const item of shared) await work(item)
  }
  await Promise.all(Array.from({ length: limit }, worker))
}

function* iterate<Item>(items: Iterable<Item>): Generator<Item> {
  yield* items
}

/** Works as `forEachBounded`, and returns the results in the order of the items. */
export async function mapBounded<Item, Result>(
  items: readonly Item[],
  limit: number,
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = []
  await forEachBounded(items.entries(), Math.min(limit, items.length), async ([at, item]) => {
    results[at] = await work(item)
  })
  return results
}

/** A limit on work that runs at a time; more work waits in the order of the calls. */
export class Semaphore {
  readonly #waiting: (() => void)[] = []
  #free: number

  constructor(limit: number) {
    this.#free = limit
  }

  /** Settles as the work does. */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((admit) => this.#waiting.push(admit))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#free++
    }
  }
}

/**
 * A limit on work that runs at a time, and on that of one key: a key has a share of the places, and more work waits. Keys take
 * turns, and the work of one key is in the order of the calls.
 */
export class SharedSemaphore {
  readonly #limit: number
  readonly #share: number
  readonly #running = new Map<string, number>()
  readonly #waiting = new Map<string, (() => void)[]>()
  #all = 0

  constructor({ limit, share }: { readonly limit: number; readonly share: number }) {
    this.#limit = limit
    this.#share = share
  }

  /** Settles as the work does. */
  async run<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    await new Promise<void>((admit) => {
      const queue = this.#waiting.get(key)
      if (queue) queue.push(admit)
      else this.#waiting.set(key, [admit])
      this.#admit()
    })
    try {
      return await work()
    } finally {
      this.#count(key, -1)
      this.#admit()
    }
  }

  /** Admits what may run, the key that was admitted longest ago first. */
  #admit(): void {
    for (const [key, queue] of [...this.#waiting]) {
      if (this.#all >= this.#limit) return
      if ((this.#running.get(key) ?? 0) >= this.#share) continue
      const admit = queue.shift()
      this.#waiting.delete(key)
      if (queue.length > 0) this.#waiting.set(key, queue)
      this.#count(key, 1)
      admit?.()
    }
  }

  #count(key: string, change: 1 | -1): void {
    this.#all += change
    const running = (this.#running.get(key) ?? 0) + change
    if (running > 0) this.#running.set(key, running)
    else this.#running.delete(key)
  }
}

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

import { setTimeout as timeout } from 'node:timers/promises'

/** How one attempt ended: `again` when it is to be tried once more, later. */
export type Attempt = 'done' | 'again'

export interface TurnsOptions<Item> {
  /** Items that are worked on at a time, over all keys. */
  readonly atOnce: number
  /** Never rejects; `failures` counts the attempts before. */
  readonly attempt: (item: Item, failures: number) => Promise<Attempt>
  /** Told each time that an item is done. */
  readonly onDone: () => void
  readonly signal: AbortSignal
  /** Resolves after so many milliseconds; rejects once the signal is aborted. */
  readonly sleep?: Sleep
}

export type Sleep = (milliseconds: number, signal: AbortSignal) => Promise<void>

/** Work cannot have its turn: what came before it fails and is tried again. */
export class TurnBlockedError extends Error {
  override readonly name = 'TurnBlockedError'
}

interface Work {
  readonly run: () => Promise<void>
  readonly block: () => void
}

interface Turn<Item> {
  readonly items: Item[]
  readonly works: Work[]
  /** Attempts at the first item that failed. */
  failures: number
}

/** Milliseconds before the second attempt; doubled before each one after, up to the longest. */
const FIRST_DELAY = 1000
const LONGEST_DELAY = 60_000

const systemSleep: Sleep = (milliseconds, signal) => timeout(milliseconds, undefined, { signal, ref: false })

/**
 * Items of one key one after the other, in order, each until it is done; those of different keys side by side. Nothing
 * is dropped: after the signal is aborted what is left is simply not tried again.
 */
export class Turns<Item> {
  readonly #options: TurnsOptions<Item>
  readonly #sleep: Sleep
  readonly #turns = new Map<string, Turn<Item>>()
  readonly #running = new Set<Promise<void>>()
  readonly #waiting: (() => void)[] = []
  #free: number
  #held = 0

  constructor(options: TurnsOptions<Item>) {
    this.#options = options
    this.#sleep = options.sleep ?? systemSleep
    this.#free = options.atOnce
  }

  /** Items that are not done yet. */
  get held(): number {
    return this.#held
  }

  add(key: string, item: Item): void {
    this.#held++
    this.#turnOf(key).items.push(item)
  }

  /**
   * Runs work when all items of the key are done, before those that come later. Rejects with TurnBlockedError when an
   * item before it fails, instead of waiting for as long as that lasts.
   */
  take<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    const { signal } = this.#options
    if (signal.aborted) return Promise.reject(signal.reason)
    const blocked = () => new TurnBlockedError(`${key}: what was told of it before is still being tried`)
    const turn = this.#turnOf(key)
    if (turn.failures > 0) return Promise.reject(blocked())
    return new Promise((resolve, reject) => {
      turn.works.push({
        run: () => work().then(resolve, reject),
        block: () => reject(signal.aborted ? signal.reason : blocked()),
      })
    })
  }

  /** Resolves when nothing is left to do, or after the signal was aborted nothing runs any more. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  #turnOf(key: string): Turn<Item> {
    const known = this.#turns.get(key)
    if (known) return known
    const turn: Turn<Item> = { items: [], works: [], failures: 0 }
    this.#turns.set(key, turn)
    const running = this.#run(key, turn).finally(() => this.#running.delete(running))
    this.#running.add(running)
    return turn
  }

  async #run(key: string, turn: Turn<Item>): Promise<void> {
    const { signal } = this.#options
    // whoever made the turn gets to fill it first
    await Promise.resolve()
    while (!signal.aborted) {
      const [item] = turn.items
      if (item === undefined) {
        const work = turn.works.shift()
        if (!work) break
        await this.#inSlot(work.run)
        continue
      }
      const ended = await this.#inSlot(() => this.#options.attempt(item, turn.failures))
      if (signal.aborted) break
      if (ended === 'done') {
        turn.items.shift()
        this.#held--
        turn.failures = 0
        this.#options.onDone()
        continue
      }
      for (const work of turn.works.splice(0)) work.block()
      const delay = Math.min(FIRST_DELAY * 2 ** turn.failures++, LONGEST_DELAY)
      await this.#sleep(delay, signal).catch(() => {})
    }
    this.#turns.delete(key)
    for (const work of turn.works.splice(0)) work.block()
  }

  async #inSlot<Result>(work: () => Promise<Result>): Promise<Result> {
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

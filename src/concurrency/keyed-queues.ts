import { Semaphore } from './bounded.ts'
import { type Sleep, systemClock } from './clock.ts'

/** Result of one attempt at an item: `retry` to attempt it again later. */
export type AttemptResult = 'done' | 'retry'

/** The work on the items, and its limits. */
export interface KeyedQueuesOptions<Item> {
  /** Maximum number of items and tasks that run at a time, over all keys. */
  readonly limit: number
  /** Never rejects; `failures` is the number of earlier attempts. */
  readonly attempt: (item: Item, failures: number) => Promise<AttemptResult>
  /** Called after each item that is done. */
  readonly onDone: () => void
  readonly signal: AbortSignal
  /** The system's unless given. */
  readonly sleep?: Sleep
}

/** A task cannot start: the item before it has failed and waits for its next attempt. */
export class QueueBlockedError extends Error {
  override readonly name = 'QueueBlockedError'
}

interface Task {
  readonly run: () => Promise<void>
  readonly reject: () => void
}

interface Queue<Item> {
  readonly items: Item[]
  readonly tasks: Task[]
  /** Failed attempts at the first item. */
  failures: number
}

/** Milliseconds before the second attempt; doubled before each further one, up to the longest. */
const FIRST_DELAY = 1000
const LONGEST_DELAY = 60_000

/**
 * One queue for each key. Items of one key run one after the other, in order, each until it is done; queues run
 * concurrently. No item is dropped; after the signal is aborted no attempt starts.
 */
export class KeyedQueues<Item> {
  readonly #options: KeyedQueuesOptions<Item>
  readonly #sleep: Sleep
  readonly #queues = new Map<string, Queue<Item>>()
  readonly #running = new Set<Promise<void>>()
  readonly #semaphore: Semaphore
  #size = 0

  constructor(options: KeyedQueuesOptions<Item>) {
    this.#options = options
    this.#sleep = options.sleep ?? systemClock.sleep
    this.#semaphore = new Semaphore(options.limit)
  }

  /** Number of items that are not done. */
  get size(): number {
    return this.#size
  }

  add(key: string, item: Item): void {
    this.#size++
    this.#queueOf(key).items.push(item)
  }

  /**
   * Runs a task when the key has no item left; items that are added while it runs wait for its end. Rejects with
   * QueueBlockedError when an item before it fails, since retries can take arbitrarily long.
   */
  runAfterItems<Result>(key: string, task: () => Promise<Result>): Promise<Result> {
    const { signal } = this.#options
    if (signal.aborted) return Promise.reject(signal.reason)
    const blocked = () =>
      new QueueBlockedError(`${key}: an earlier notification has failed and is being retried`)
    const queue = this.#queueOf(key)
    if (queue.failures > 0) return Promise.reject(blocked())
    return new Promise((resolve, reject) => {
      queue.tasks.push({
        run: () => task().then(resolve, reject),
        reject: () => reject(signal.aborted ? signal.reason : blocked()),
      })
    })
  }

  /** Resolves when all queues are empty or, after the signal was aborted, when nothing runs. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  #queueOf(key: string): Queue<Item> {
    const known = this.#queues.get(key)
    if (known) return known
    const queue: Queue<Item> = { items: [], tasks: [], failures: 0 }
    this.#queues.set(key, queue)
    const running = this.#run(key, queue).finally(() => this.#running.delete(running))
    this.#running.add(running)
    return queue
  }

  async #run(key: string, queue: Queue<Item>): Promise<void> {
    const { signal } = this.#options
    // the caller that created the queue fills it first
    await Promise.resolve()
    while (!signal.aborted) {
      const [item] = queue.items
      if (item !== undefined) {
        await this.#attempt(queue, item)
        continue
      }
      const task = queue.tasks.shift()
      if (!task) break
      await this.#semaphore.run(task.run)
    }
    this.#queues.delete(key)
    for (const task of queue.tasks.splice(0)) task.reject()
  }

  /** Attempts the first item once; after a failure waits until the next attempt is due. */
  async #attempt(queue: Queue<Item>, item: Item): Promise<void> {
    const { attempt, onDone, signal } = this.#options
    const result = await this.#semaphore.run(() => attempt(item, queue.failures))
    if (signal.aborted) return
    if (result === 'done') {
      queue.items.shift()
      this.#size--
      queue.failures = 0
      onDone()
      return
    }
    for (const task of queue.tasks.splice(0)) task.reject()
    const delay = Math.min(FIRST_DELAY * 2 ** queue.failures++, LONGEST_DELAY)
    await this.#sleep(delay, signal).catch(() => {})
  }
}

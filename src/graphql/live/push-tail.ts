import { matchesPush, type Push, type PushFilter } from '../../events/push-filter.ts'
import type { PushLog } from '../../events/push-log.ts'

/** Pushes of the tail: the newest part of the log, held in memory for all readers. */
const TAIL_ROWS = 1_024

/** Maximum number of pushes of one read of the log. */
const READ_ROWS = 256

/** The pushes after a position. */
export interface PushBatch {
  /** The pushes that match the filter, oldest first. */
  readonly pushes: readonly Push[]
  /** The last sequence that was read: no other push up to this one matches. */
  readonly through: number
}

/**
 * A reader of the push log for all subscriptions. New pushes are read once, into a bounded tail. Subscriptions that are
 * further behind read pages of the log.
 */
export class PushTail {
  readonly #log: PushLog
  #tail: Push[] = []
  #end: number

  constructor(log: PushLog) {
    this.#log = log
    this.#end = log.head()
  }

  /** The last sequence that has been read. */
  get end(): number {
    return this.#end
  }

  /** Drops the tail and starts at the end of the log; for use while there are no subscriptions. */
  reset(): void {
    this.#tail = []
    this.#end = this.#log.head()
  }

  /** Reads the pushes since the last call. Reports whether there were any. */
  advance(): boolean {
    const before = this.#end
    const start = Math.max(before, this.#log.head() - TAIL_ROWS)
    if (start > this.#end) this.#tail = []
    this.#end = start
    for (;;) {
      const pushes = this.#log.read({ after: this.#end, limit: READ_ROWS })
      const first = pushes[0]
      if (first === undefined) break
      // pushes that were dropped from the log leave a gap: the tail restarts after it
      if (first.sequence !== this.#end + 1) this.#tail = []
      this.#tail.push(...pushes)
      this.#end = pushes.at(-1)?.sequence ?? this.#end
      if (pushes.length < READ_ROWS) break
    }
    if (this.#tail.length > TAIL_ROWS) this.#tail = this.#tail.slice(-TAIL_ROWS)
    return this.#end > before
  }

  /** Returns a bounded range after this position. Throws CursorExpiredError if the log no longer has all of it. */
  after(position: number, filter: PushFilter): PushBatch {
    // sequences are dense, so a position is an index
    const index = position - (this.#end - this.#tail.length)
    if (index >= 0) {
      const pushes = this.#tail.slice(index, index + READ_ROWS)
      return {
        pushes: pushes.filter((push) => matchesPush(push, filter)),
        through: pushes.at(-1)?.sequence ?? position,
      }
    }
    this.#log.position(this.#log.cursor(position))
    // pages end at fixed sequences, so that readers at different positions soon share pages
    const through = Math.min(this.#end, (Math.floor(position / READ_ROWS) + 1) * READ_ROWS)
    return {
      pushes: this.#log.read({ after: position, before: through + 1, filter, limit: READ_ROWS }),
      through,
    }
  }
}

import { matchesPush, type Push, type PushFilter, type PushLog } from '../../events/push-log.ts'

/** Pushes that the newest part of the log holds in memory, for everybody. */
const TAIL_ROWS = 1_024

/** Pushes that one read of the log returns at most. */
const READ_ROWS = 256

/** What follows a position. */
export interface Stretch {
  /** Those that the filter lets through, oldest first. */
  readonly pushes: readonly Push[]
  /** The last sequence that was looked at: there is nothing else up to here. */
  readonly through: number
}

/**
 * The log as its followers read it: new pushes once for all of them, into a bounded tail; who is further back reads
 * pages of the log.
 */
export class PushSource {
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

  /** Forgets the tail: for when nobody follows. */
  reset(): void {
    this.#tail = []
    this.#end = this.#log.head()
  }

  /** Reads what was pushed since the last call. Returns whether there was anything. */
  advance(): boolean {
    const before = this.#end
    const start = Math.max(before, this.#log.head() - TAIL_ROWS)
    if (start > this.#end) this.#tail = []
    this.#end = start
    for (;;) {
      const pushes = this.#log.read({ after: this.#end, limit: READ_ROWS })
      const first = pushes[0]
      if (first === undefined) break
      // what was dropped meanwhile leaves a hole: the tail starts anew behind it
      if (first.sequence !== this.#end + 1) this.#tail = []
      this.#tail.push(...pushes)
      this.#end = pushes.at(-1)?.sequence ?? this.#end
      if (pushes.length < READ_ROWS) break
    }
    if (this.#tail.length > TAIL_ROWS) this.#tail = this.#tail.slice(-TAIL_ROWS)
    return this.#end > before
  }

  /**
   * A bounded stretch after this position. Throws CursorExpiredError when some of it is no longer kept.
   */
  after(position: number, filter: PushFilter): Stretch {
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
    // pages end at fixed sequences, so that readers from different positions soon read the same ones
    const through = Math.min(this.#end, (Math.floor(position / READ_ROWS) + 1) * READ_ROWS)
    return {
      pushes: this.#log.read({ after: position, before: through + 1, filter, limit: READ_ROWS }),
      through,
    }
  }
}

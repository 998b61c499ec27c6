import type { Viewer } from '../../access/right/viewer.ts'
import type { ChangeLog } from '../../events/change-log.ts'
import {
  type EntryFilter,
  isOfPushes,
  type LogEntry,
  matchesEntry,
  seesEntry,
} from '../../events/log-entry.ts'

/** Entries of the tail: the newest part of the log, held in memory for all readers. */
const TAIL_ROWS = 1_024

/** Maximum number of entries of one read of the log. */
const READ_ROWS = 256

/** After all sequences. */
const END = Number.MAX_SAFE_INTEGER

/** The entries after a position. */
export interface EntryBatch {
  /** The entries that match the filter and that the viewer sees, oldest first. */
  readonly entries: readonly LogEntry[]
  /** The last sequence that was read: no other entry up to this one is for the reader. */
  readonly through: number
}

/**
 * A reader of the log for all subscriptions. New entries are read once, into a bounded tail, for viewers of all rights.
 * Subscriptions that are further behind read pages of the log.
 */
export class ChangeTail {
  readonly #log: ChangeLog
  #tail: LogEntry[] = []
  #end: number

  constructor(log: ChangeLog) {
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

  /** Reads the entries since the last call. Reports whether there were any. */
  advance(): boolean {
    const before = this.#end
    const start = Math.max(before, this.#log.head() - TAIL_ROWS)
    if (start > this.#end) this.#tail = []
    this.#end = start
    for (;;) {
      const entries = this.#log.readEntries({ after: this.#end, before: END, limit: READ_ROWS })
      const first = entries[0]
      if (first === undefined) break
      // entries that were dropped from the log leave a gap: the tail restarts after it
      if (first.sequence !== this.#end + 1) this.#tail = []
      this.#tail.push(...entries)
      this.#end = entries.at(-1)?.sequence ?? this.#end
      if (entries.length < READ_ROWS) break
    }
    if (this.#tail.length > TAIL_ROWS) this.#tail = this.#tail.slice(-TAIL_ROWS)
    return this.#end > before
  }

  /** Returns a bounded range after this position. Throws CursorExpiredError if the log no longer has all of it. */
  after(viewer: Viewer, position: number, filter: EntryFilter): EntryBatch {
    const isFor = (entry: LogEntry): boolean => matchesEntry(entry, filter) && seesEntry(viewer, entry)
    // sequences are dense, so a position is an index
    const index = position - (this.#end - this.#tail.length)
    if (index >= 0) {
      const entries = this.#tail.slice(index, index + READ_ROWS)
      return {
        entries: entries.filter(isFor),
        through: entries.at(-1)?.sequence ?? position,
      }
    }
    this.#log.checkPosition(position)
    // pages end at fixed sequences, so that readers at different positions soon share pages
    const through = Math.min(this.#end, (Math.floor(position / READ_ROWS) + 1) * READ_ROWS)
    const range = { after: position, before: through + 1, limit: READ_ROWS }
    const entries = isOfPushes(filter) ? this.#log.read({ ...range, filter }) : this.#log.readEntries(range)
    return { entries: entries.filter(isFor), through }
  }
}

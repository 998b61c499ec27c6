import type { Database } from '../db/open.ts'
import { type EntryFilter, isOfPushes, type LogEntry, type StreamChange, TAG_PUSHED } from './log-entry.ts'
import type { LogBounds } from './positions.ts'
import type { Interval, Push } from './push-filter.ts'
import type { createPushReads, PushRange } from './push-search.ts'
import { createChangeReads } from './stream-changes.ts'

/** A part of the log, with criteria for all kinds of entries. */
export interface EntryRange extends Omit<PushRange, 'filter'> {
  readonly filter?: EntryFilter | undefined
}

/** Creates the reads of entries of all kinds. */
export function createEntryReads(
  db: Database,
  pushes: ReturnType<typeof createPushReads>,
  bounds: () => LogBounds,
) {
  const changes = createChangeReads(db)
  return {
    /** Reads in two statements, oldest first, without a gap. */
    readEntries: (range: Interval & { readonly limit: number }): LogEntry[] =>
      inOrder(pushes.read(range), changes.read(range)).slice(0, range.limit),

    /** Reads entries of any range, as `find` reads pushes. */
    async findEntries(range: EntryRange, signal?: AbortSignal): Promise<LogEntry[]> {
      const { filter = {}, descending = false, limit } = range
      const end = bounds().last + 1
      const interval = { after: range.after ?? 0, before: Math.min(range.before ?? end, end) }
      const { kinds = [TAG_PUSHED] } = filter
      const hasPushes = kinds === 'ALL' || kinds.includes(TAG_PUSHED)
      const found = inOrder(
        hasPushes ? await pushes.find({ ...range, ...interval }, signal) : [],
        isOfPushes(filter) ? [] : await changes.find({ ...interval, filter, descending, limit }, signal),
      )
      return (descending ? found.reverse() : found).slice(0, limit)
    },
  }
}

/** Returns the entries by sequence, oldest first. */
const inOrder = (pushes: readonly Push[], changes: readonly StreamChange[]): LogEntry[] =>
  [...pushes, ...changes].sort((one, other) => one.sequence - other.sequence)

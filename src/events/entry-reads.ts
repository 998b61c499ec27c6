import type { Viewer } from '../access/right/viewer.ts'
import type { Database } from '../db/open.ts'
import {
  type EntryFilter,
  isOfPushes,
  isPush,
  type LogEntry,
  type StreamChange,
  seesEntry,
  TAG_PUSHED,
} from './log-entry.ts'
import type { createPositions, LogBounds } from './positions.ts'
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
  { sequenceOfKey }: Pick<ReturnType<typeof createPositions>, 'sequenceOfKey'>,
) {
  const changes = createChangeReads(db)
  const readEntries = (range: Interval & { readonly limit: number }): LogEntry[] =>
    inOrder(pushes.read(range), changes.read(range)).slice(0, range.limit)

  const entry = (viewer: Viewer, key: string): LogEntry | undefined => {
    const sequence = sequenceOfKey(key)
    if (sequence === undefined) return undefined
    const [found] = readEntries({ after: sequence - 1, before: sequence + 1, limit: 1 })
    return found && seesEntry(viewer, found) ? found : undefined
  }

  return {
    /** Reads in two statements, oldest first, without a gap; entries of all streams, as `read`. */
    readEntries,

    /** Returns the entry with a key; undefined for an unknown key, and for an entry that the viewer does not see. */
    entry,

    /** Returns the push with a key, as `entry`; undefined for another change. */
    push(viewer: Viewer, key: string): Push | undefined {
      const found = entry(viewer, key)
      return found && isPush(found) ? found : undefined
    },

    /** Reads entries of any range, as `find` reads pushes. */
    async findEntries(viewer: Viewer, range: EntryRange, signal?: AbortSignal): Promise<LogEntry[]> {
      const { filter = {}, descending = false, limit } = range
      const end = bounds().last + 1
      const interval = { after: range.after ?? 0, before: Math.min(range.before ?? end, end) }
      const { kinds = [TAG_PUSHED] } = filter
      const hasPushes = kinds === 'ALL' || kinds.includes(TAG_PUSHED)
      const found = inOrder(
        hasPushes ? await pushes.find(viewer, { ...range, ...interval }, signal) : [],
        isOfPushes(filter)
          ? []
          : await changes.find({ ...interval, rights: viewer.rights, filter, descending, limit }, signal),
      )
      return (descending ? found.reverse() : found).slice(0, limit)
    },
  }
}

/** Returns the entries by sequence, oldest first. */
const inOrder = (pushes: readonly Push[], changes: readonly StreamChange[]): LogEntry[] =>
  [...pushes, ...changes].sort((one, other) => one.sequence - other.sequence)

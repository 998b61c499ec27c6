import { and, eq, inArray, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { images, reportedMoves, tagEvents, tags } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'
import { createStreamVersions, createTagRows } from '../tag/tag-rows.ts'
import { CLOCK_DIFFERENCE } from './reported-moves.ts'

/** An entry of a history: the image that the tag pointed to from then on. Milliseconds since 1970. */
export interface ReportedEntry {
  readonly digest: Digest
  readonly from: number
  /** Null where no later entry is reported. */
  readonly until: number | null
}

/** History of a tag, as a document reports it; each pair of time and image occurs once. */
export interface ReportedHistory {
  readonly tag: TagName
  readonly entries: readonly ReportedEntry[]
}

/** Entries of one history that the stored ones lack. */
export interface HistoryPlan {
  readonly tag: TagName
  /** The entries to store. */
  readonly added: readonly ReportedEntry[]
  /** Number of entries beyond the number that a tag keeps, the oldest: not stored, or stored earlier and deleted. */
  readonly leftOut: number
  /** Keys of the stored ones among these. */
  readonly evicted: readonly number[]
}

/** Number of entries of documents that a tag keeps, the newest. */
export const KEPT_ENTRIES = 1000

/** What reports the entries, as the moves of a vendor have its name. */
const REPORTER = 'ImageStream document'

export type ReportedHistories = ReturnType<typeof createReportedHistories>

/** Creates the reads and writes of histories that documents report: they are stored as reported moves. */
export function createReportedHistories(db: Database) {
  const rows = createHistoryRows(db)
  const tagRows = createTagRows(db)
  const versions = createStreamVersions(db)

  /** Returns whether this server observed an entry: it is not older than the tag's first event, and an event has its image. */
  const observationOf = (tagId: number, entries: readonly ReportedEntry[]) => {
    const first = rows.firstEvent.get({ tagId })?.at ?? Number.POSITIVE_INFINITY
    const began = first - CLOCK_DIFFERENCE
    const digests = JSON.stringify(entries.filter(({ from }) => from >= began).map(({ digest }) => digest))
    const times = new Map<Digest, number[]>()
    for (const { digest, at } of digests === '[]' ? [] : rows.observed.all({ tagId, digests })) {
      const known = times.get(digest)
      if (known) known.push(at)
      else times.set(digest, [at])
    }
    return ({ digest, from, until }: ReportedEntry): boolean => {
      if (from < began) return false
      const end = (until ?? Number.POSITIVE_INFINITY) + CLOCK_DIFFERENCE
      const next = firstFrom(times.get(digest) ?? [], from - CLOCK_DIFFERENCE)
      return next !== undefined && next <= end
    }
  }

  return {
    /** Returns the entries that the stream's tag lacks and this server did not observe. Null for a stream to be created. */
    plan(streamId: number | null, { tag, entries }: ReportedHistory): HistoryPlan {
      const tagId = streamId === null ? undefined : rows.tag.get({ streamId, tag })?.id
      const stored = tagId === undefined ? [] : rows.stored.all({ tagId })
      const known = new Set(stored.map(keyOf))
      const isObserved = tagId === undefined ? () => false : observationOf(tagId, entries)
      const ranked = [
        ...stored.filter(({ reporter }) => reporter === REPORTER).map(({ id, from }) => ({ id, from })),
        ...entries
          .filter((entry) => !known.has(keyOf(entry)) && !isObserved(entry))
          .map((entry) => ({ entry, from: entry.from })),
      ].sort((one, other) => other.from - one.from)
      const beyond = ranked.slice(KEPT_ENTRIES)
      return {
        tag,
        added: ranked.slice(0, KEPT_ENTRIES).flatMap((one) => ('entry' in one ? [one.entry] : [])),
        leftOut: beyond.length,
        evicted: beyond.flatMap((one) => ('id' in one ? [one.id] : [])),
      }
    },

    /** Stores the entries of a plan; a tag that does not exist is created without an image. */
    store(tx: Transaction, streamId: number, { tag, added, evicted }: HistoryPlan): void {
      if (added.length === 0) return
      const tagId = rows.tag.get({ streamId, tag })?.id ?? tagRows.insert(streamId, tag, null)
      // oldest first, as the newer of two entries with the same time has the higher key
      for (const { digest, from, until } of [...added].reverse()) {
        const isOpen = until === null ? 1 : 0
        rows.insert.run({ tagId, digest, from, until: until ?? from, isOpen, reporter: REPORTER })
      }
      rows.remove.run({ ids: JSON.stringify(evicted) })
      versions.raise(tx, streamId)
    },
  }
}

const keyOf = ({ digest, from }: { digest: Digest; from: number }): string => `${from} ${digest}`

/** Returns the first of the ascending times that is not before the other one. */
function firstFrom(times: readonly number[], from: number): number | undefined {
  let [low, high] = [0, times.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((times[middle] ?? 0) < from) low = middle + 1
    else high = middle
  }
  return times[low]
}

/** Prepares the statements: a document may have thousands of tags. */
function createHistoryRows({ orm }: Database) {
  const [tagId, streamId, tag] = [
    sql.placeholder('tagId'),
    sql.placeholder('streamId'),
    sql.placeholder('tag'),
  ]
  const among = (name: string) => sql`(select value from json_each(${sql.placeholder(name)}))`
  return {
    tag: orm
      .select({ id: tags.id })
      .from(tags)
      .where(and(eq(tags.streamId, streamId), eq(tags.name, tag)))
      .prepare(),
    stored: orm
      .select({
        id: reportedMoves.id,
        digest: reportedMoves.digest,
        from: reportedMoves.fromAt,
        reporter: reportedMoves.vendor,
      })
      .from(reportedMoves)
      .where(eq(reportedMoves.tagId, tagId))
      .prepare(),
    firstEvent: orm
      .select({ at: tagEvents.createdAt })
      .from(tagEvents)
      .where(eq(tagEvents.tagId, tagId))
      .orderBy(tagEvents.id)
      .limit(1)
      .prepare(),
    observed: orm
      .select({ digest: images.digest, at: tagEvents.createdAt })
      .from(tagEvents)
      .innerJoin(images, eq(images.id, tagEvents.imageId))
      .where(and(eq(tagEvents.tagId, tagId), inArray(images.digest, among('digests'))))
      .orderBy(tagEvents.createdAt)
      .prepare(),
    insert: orm
      .insert(reportedMoves)
      .values({
        tagId: tagId,
        digest: sql.placeholder('digest'),
        fromAt: sql.placeholder('from'),
        untilAt: sql.placeholder('until'),
        isOpen: sql.placeholder('isOpen'),
        vendor: sql.placeholder('reporter'),
      })
      .onConflictDoNothing()
      .prepare(),
    remove: orm
      .delete(reportedMoves)
      .where(inArray(reportedMoves.id, among('ids')))
      .prepare(),
  }
}

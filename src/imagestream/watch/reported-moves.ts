import type { Database } from '../../db/open.ts'
import type { reportedMoves } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import { getOrSet, groupBy } from '../../input/maps.ts'
import type { KeysetPage } from '../../input/page.ts'
import type { Digest } from '../../oci/digest.ts'
import type { ReportedMove } from '../../oci/vendor-listing.ts'
import type { Images } from '../image/images.ts'
import { countsByOwner, pageOfOwners } from '../tag/owned-rows.ts'

/** An image that a tag pointed to, as a vendor or a document reports it. Times are milliseconds since 1970. */
export interface StoredMove extends Omit<typeof reportedMoves.$inferSelect, 'isOpen' | 'untilAt'> {
  /** Null while no later image of the tag is known. */
  readonly untilAt: number | null
}

/** Number of moves of one vendor that a tag keeps, the newest. */
export const KEPT_MOVES = 100

/** Milliseconds by which another clock may differ from this server's. */
export const CLOCK_DIFFERENCE = 60_000

export type ReportedMoves = ReturnType<typeof createReportedMoves>

const OF_TAG = { table: 'reported_moves', owner: 'tag_id' } as const
const NEWEST_FIRST = [
  { column: 'from_at', descending: true },
  { column: 'id', descending: true },
]
/** The end of an open move is the start of the next image, which this server observed or another move has. */
const UNTIL = `case when not t.is_open then t.until_at else (select min(at) from (
    select m.from_at as at from reported_moves m where m.tag_id = t.tag_id and m.from_at > t.from_at
    union all select at from (select e.created_at as at from tag_events e
      where e.tag_id = t.tag_id and e.created_at > t.from_at order by e.id limit 1))) end`
const COLUMNS = `t.id, t.tag_id as tagId, t.digest, t.from_at as fromAt, ${UNTIL} as untilAt, t.vendor`

/** The image of a tag event. */
interface Observed {
  digest: Digest
  createdAt: number
}

export function createReportedMoves(db: Database, images: Pick<Images, 'storedManifest'>) {
  const find = db.prepare<{ id: number }>('select id from tags where stream_id = ? and name = ?')
  const events = db.prepare<Observed>(`
    select i.digest, e.created_at as createdAt from tag_events e join images i on i.id = e.image_id
    where e.tag_id = ? order by e.id`)
  const byId = db.prepare<StoredMove>(`select ${COLUMNS} from reported_moves t where t.id = ?`)
  const insert = db.prepare(
    `insert into reported_moves (tag_id, digest, from_at, until_at, vendor) values (?, ?, ?, ?, ?)
     on conflict (tag_id, from_at, digest) do nothing`,
  )
  const trim = db.prepare(`
    delete from reported_moves where tag_id = ? and vendor = ? and id not in (select id from reported_moves
      where tag_id = ? and vendor = ? order by from_at desc, id desc limit ${KEPT_MOVES})`)

  /** Returns the digest, and of an index those of its images: one of them may have been imported instead. */
  const imagesOf = (digest: Digest): ReadonlySet<Digest> => {
    const manifest = images.storedManifest(digest)?.manifest
    return new Set([
      digest,
      ...(manifest?.kind === 'index' ? manifest.manifests.map((one) => one.digest) : []),
    ])
  }
  const wasObserved = (
    { digest, from, until }: { digest: Digest; from: number; until: number },
    observed: readonly Observed[],
    imagesAt: (digest: Digest) => ReadonlySet<Digest>,
  ): boolean => {
    const current = observed.filter(
      ({ createdAt }) => createdAt >= from - CLOCK_DIFFERENCE && createdAt <= until + CLOCK_DIFFERENCE,
    )
    if (current.length === 0) return false
    if (current.some((event) => event.digest === digest)) return true
    const same = imagesAt(digest)
    return current.some((event) => same.has(event.digest))
  }

  return {
    /** Stores the moves after a tag's first event that no event of the tag shows, each once. */
    store(_tx: Transaction, streamId: number, vendor: string, moves: readonly ReportedMove[]): void {
      // parsing a manifest is slow, and a hostile listing may name the same one in thousands of moves
      const parsed = new Map<Digest, ReadonlySet<Digest>>()
      const imagesAt = (digest: Digest) => getOrSet(parsed, digest, () => imagesOf(digest))
      for (const [tag, reported] of groupBy(moves, ({ tag }) => tag)) {
        const found = find.get(streamId, tag)
        const observed = found ? events.all(found.id) : []
        if (!found || observed.length === 0) continue
        let stored = 0
        const first = observed[0]?.createdAt ?? Number.POSITIVE_INFINITY
        const newest = reported
          .flatMap(({ digest, from, until }) =>
            until === null || from <= first ? [] : [{ digest, from, until }],
          )
          .sort((one, other) => other.from - one.from)
          .slice(0, KEPT_MOVES)
        for (const { digest, from, until } of newest) {
          if (wasObserved({ digest, from, until }, observed, imagesAt)) continue
          stored += insert.run(found.id, digest, from, until, vendor).changes
        }
        if (stored > 0) trim.run(found.id, vendor, found.id, vendor)
      }
    },
    byId: (id: number): StoredMove | undefined => byId.get(id),
    /** Returns a page of each tag's moves, newest first; its keys are [from, id]. */
    ofTags: (tagIds: readonly number[], page: KeysetPage): StoredMove[] =>
      pageOfOwners(db, { ...OF_TAG, columns: COLUMNS, order: NEWEST_FIRST }, tagIds, page),
    countOfTags: (tagIds: readonly number[]): Map<number, number> => countsByOwner(db, OF_TAG, tagIds),
  }
}

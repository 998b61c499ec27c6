import { turnToRead } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import { keyset, type SortColumn } from '../../db/page.ts'
import type { Parameter } from '../../db/statement.ts'
import { literalRange, matchesGlob } from '../../input/glob.ts'
import type { KeysetPage, PageKey } from '../../input/page.ts'

/** Streams whose tags are listed; all that exist unless given. */
export interface WalkedStreams {
  readonly namespace?: string | undefined
  /** Glob over the name. */
  readonly stream?: string | undefined
}

/** A stream of a walk. */
export interface WalkedStream {
  readonly id: number
  readonly namespace: string
  readonly name: string
}

const BY_NAME: readonly SortColumn[] = [{ column: 'namespace' }, { column: 'name' }]

/** Streams whose own name is looked up where the namespace is not given; more are found by reading all. */
const FEW_STREAMS = 250

const BY_INDEX = 'image_streams indexed by image_streams_by_name'

/** Streams whose names are compared with a pattern by one part of a walk. */
const MOST_NAMES = 1_000

/** Returns the table from which streams are read in order, and the conditions that its index evaluates. */
function rangeOf(
  db: Database,
  { namespace, stream }: WalkedStreams,
): { readonly from: string; readonly where: readonly string[]; readonly values: readonly Parameter[] } {
  const range = stream === undefined ? undefined : literalRange(stream)
  if (namespace !== undefined) {
    const ofName = range ? ['name >= ? and name < ?'] : []
    return { from: BY_INDEX, where: ['namespace = ?', ...ofName], values: [namespace, ...(range ?? [])] }
  }
  const found = range
    ? db
        .prepare<{ id: number }>(
          `select id from image_streams indexed by image_streams_by_own_name
           where deleted_at is null and name >= ? and name < ? limit ?`,
        )
        .all(...range, FEW_STREAMS + 1)
    : undefined
  if (!found || found.length > FEW_STREAMS) return { from: BY_INDEX, where: [], values: [] }
  const ids = JSON.stringify(found.map(({ id }) => id))
  return {
    from: '(select value from json_each(?)) few cross join image_streams on image_streams.id = few.value',
    where: [],
    values: [ids],
  }
}

/** Streams that follow each other in a walk. */
export interface WalkedPart {
  readonly streams: readonly WalkedStream[]
  /** Whether they have no more tags together than one statement may read. */
  readonly isSmall: boolean
}

/** Creates walks through the streams of a filter in order of namespace and name, which are about to be read. */
export function createStreamWalk(db: Database) {
  // a stream without tags is a row, too
  const counts = db.prepare<{ id: number; rows: number }>(
    `select id, count(*) as rows from (
       select o.value as id from json_each(?) o
       left join tags t indexed by tags_by_importance on t.stream_id = o.value and t.removed_at is null limit ?)
     group by id`,
  )

  /** Returns the first streams that have at most `most` tags together, or the first one that has more. */
  function partOf(streams: readonly WalkedStream[], most: number): WalkedPart {
    const ids = JSON.stringify(streams.map(({ id }) => id))
    const found = counts.all(ids, most + 1)
    const isSmall = found.reduce((sum, { rows }) => sum + rows, 0) <= most
    if (isSmall) return { streams, isSmall }
    // the tags of the last one were not counted to their end
    const counted = streams.slice(0, Math.max(1, found.length - 1))
    return { streams: counted, isSmall: found.length > 1 }
  }

  /**
   * Yields the next streams of the walk in its direction, in parts that have at most `rows()` tags together, or one stream
   * with more. Reads a bounded number of rows for each part, and other work runs between them. `page` delimits the walk by
   * the keys [namespace, name]. Throws the signal's reason once it is aborted.
   */
  return async function* walk(
    filter: WalkedStreams,
    page: Pick<KeysetPage, 'after' | 'before' | 'fromEnd'>,
    { rows, signal }: { readonly rows: () => number; readonly signal?: AbortSignal | undefined },
  ): AsyncGenerator<WalkedPart> {
    const { from, where, values } = rangeOf(db, filter)
    const { stream: pattern } = filter
    for (let rest = page; ; ) {
      await turnToRead(signal)
      const limit = pattern === undefined ? rows() : MOST_NAMES
      const { condition, keys, orderBy } = keyset({ ...rest, limit }, BY_NAME)
      const conditions = ['deleted_at is null', ...where, ...condition].join(' and ')
      const found = db
        .prepare<WalkedStream>(
          `select image_streams.id, namespace, name from ${from} where ${conditions} order by ${orderBy} limit ?`,
        )
        .all(...values, ...keys, limit)
      const last = found.at(-1)
      if (!last) return
      let streams = pattern === undefined ? found : found.filter(({ name }) => matchesGlob(pattern, name))
      while (streams.length > 0) {
        const part = partOf(streams, rows())
        yield part
        streams = streams.slice(part.streams.length)
        if (streams.length > 0) await turnToRead(signal)
      }
      const key: PageKey = [last.namespace, last.name]
      rest = rest.fromEnd ? { ...rest, before: key } : { ...rest, after: key }
    }
  }
}

/** Walks through streams. */
export type StreamWalk = ReturnType<typeof createStreamWalk>

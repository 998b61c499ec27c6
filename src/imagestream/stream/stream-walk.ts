import { sees, type Viewer } from '../../access/right/viewer.ts'
import { turnToRead } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import { keyset } from '../../db/page.ts'
import { literalRange, matchesGlob } from '../../input/glob.ts'
import type { KeysetPage, PageKey } from '../../input/page.ts'
import { ALL_STREAMS, type StreamRange, visibleStreamsBy } from './visible-streams.ts'

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

/** Streams whose own name is looked up where the namespace is not given; more are found by reading all. */
const FEW_STREAMS = 250

/** Streams whose names are compared with a pattern, or with the viewer's places, by one part of a walk. */
const MOST_NAMES = 1_000

/** Returns the range that has the streams, and whether it has no other ones. */
function rangeOf(
  db: Database,
  viewer: Viewer,
  { namespace, stream }: WalkedStreams,
): StreamRange & { readonly isExact: boolean } {
  const range = stream === undefined ? undefined : literalRange(stream)
  const visible = visibleStreamsBy(viewer, namespace)
  const isExact = stream === undefined && visible.ofRange.length === 0
  if (namespace !== undefined) {
    const ofNamespace = { text: 's.namespace = ?', values: [namespace] }
    const ofName = range ? [{ text: 's.name >= ? and s.name < ?', values: range }] : []
    return { ...visible.range, where: [...visible.range.where, ofNamespace, ...ofName], isExact }
  }
  const found = range
    ? db
        .prepare<{ id: number }>(
          `select id from image_streams indexed by image_streams_by_own_name
           where deleted_at is null and name >= ? and name < ? limit ?`,
        )
        .all(...range, FEW_STREAMS + 1)
    : undefined
  if (!found || found.length > FEW_STREAMS) return { ...visible.range, isExact }
  return {
    ...ALL_STREAMS,
    from: 'json_each(?) few cross join image_streams s on s.id = few.value',
    ids: [JSON.stringify(found.map(({ id }) => id))],
    isExact,
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
   * Yields the next streams of the walk that the viewer sees, in its direction, in parts that have at most `rows()` tags together, or one stream
   * with more. Reads a bounded number of rows for each part, and other work runs between them. `page` delimits the walk by
   * the keys [namespace, name]. Throws the signal's reason once it is aborted.
   */
  return async function* walk(
    viewer: Viewer,
    filter: WalkedStreams,
    page: Pick<KeysetPage, 'after' | 'before' | 'fromEnd'>,
    { rows, signal }: { readonly rows: () => number; readonly signal?: AbortSignal | undefined },
  ): AsyncGenerator<WalkedPart> {
    const { from, ids, where, bounds, columns, isExact } = rangeOf(db, viewer, filter)
    const { stream: pattern = '*' } = filter
    for (let rest = page; ; ) {
      await turnToRead(signal)
      const limit = isExact ? rows() : MOST_NAMES
      const { condition, keys, orderBy } = keyset({ ...rest, limit }, columns)
      const bounded = [...where, ...bounds(rest)]
      const conditions = ['s.deleted_at is null', ...bounded.map(({ text }) => text), ...condition]
      const found = db
        .prepare<WalkedStream>(
          `select s.id, s.namespace, s.name from ${from} where ${conditions.join(' and ')} order by ${orderBy} limit ?`,
        )
        .all(...ids, ...bounded.flatMap(({ values }) => values), ...keys, limit)
      const last = found.at(-1)
      if (!last) return
      let streams = isExact
        ? found
        : found.filter((stream) => sees(viewer, stream) && matchesGlob(pattern, stream.name))
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

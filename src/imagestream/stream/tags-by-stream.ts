import { sees, type Viewer } from '../../access/right/viewer.ts'
import type { Database } from '../../db/open.ts'
import { matchesGlob } from '../../input/glob.ts'
import { compareKeys, type KeysetPage, type PageKey } from '../../input/page.ts'
import type { Tags } from '../tag/tag.ts'
import { criteriaCount } from '../tag/tag-search.ts'
import type { StreamWalk, WalkedPart, WalkedStream } from './stream-walk.ts'
import type { ListedTag, TagListQuery } from './tag-list-query.ts'

/** Tags, and criteria on them, that one statement checks: about two milliseconds. */
const MOST_ROWS = 2_000

/** Creates the pages of the tags of all streams that come stream by stream. */
export function createTagsByStream(db: Database, tags: Tags, walk: StreamWalk) {
  const named = db.prepare<WalkedStream>(
    `select id, namespace, name from image_streams
     where namespace = ? and name = ? and deleted_at is null`,
  )

  /** Returns a page of the tags by stream. */
  return async function pageByStream(
    viewer: Viewer,
    { page, order, namespace, stream, ...filter }: TagListQuery,
    signal: AbortSignal | undefined,
  ): Promise<ListedTag[]> {
    const wanted = page.limit + (page.peek === false ? 0 : 1)
    let found: ListedTag[] = []
    const isFull = () => found.length >= wanted
    const read = async (
      { streams, isSmall }: WalkedPart,
      bounds: Pick<KeysetPage, 'after' | 'before'>,
    ): Promise<void> => {
      const byId = new Map(streams.map((one) => [one.id, one]))
      const part = { ...bounds, fromEnd: page.fromEnd, limit: wanted - found.length, peek: false }
      const query = { ...filter, order, page: part }
      const ids = [...byId.keys()]
      const own = isSmall ? tags.ofStreams(ids, query) : await tags.pageOfStreams(ids, query)
      const grouped = new Map<number, ListedTag[]>(streams.map(({ id }) => [id, []]))
      for (const tag of own) {
        const of = byId.get(tag.streamId)
        if (of) grouped.get(of.id)?.push({ ...tag, namespace: of.namespace, streamName: of.name })
      }
      // a walk from the end has the last stream first
      const lists = [...grouped.values()]
      const rows = (page.fromEnd ? lists.reverse() : lists).flat()
      found = page.fromEnd
        ? [...rows.slice(Math.max(0, rows.length - part.limit)), ...found]
        : [...found, ...rows.slice(0, part.limit)]
    }
    for (const span of spansOf(page)) {
      if ('stream' in span) {
        const matching = named
          .all(...span.stream)
          .filter((one) => sees(viewer, one) && (stream === undefined || matchesGlob(stream, one.name)))
        await read({ streams: matching, isSmall: false }, span.bounds)
        if (isFull()) return found
        continue
      }
      const mostRows = Math.ceil(MOST_ROWS / (1 + criteriaCount(filter)))
      let rows = Math.min(wanted, mostRows)
      for await (const part of walk(viewer, { namespace, stream }, span.between, {
        rows: () => rows,
        signal,
      })) {
        await read(part, {})
        if (isFull()) return found
        rows = Math.min(4 * rows, mostRows)
      }
    }
    return found
  }
}

/** Part of a page by stream: tags of the stream with this namespace and name within bounds, or all tags of the streams between. */
type Span =
  | { readonly stream: PageKey; readonly bounds: Pick<KeysetPage, 'after' | 'before'> }
  | { readonly between: Pick<KeysetPage, 'after' | 'before' | 'fromEnd'> }

/** Returns the spans that together are the page, in the order of reading. */
function spansOf({ after, before, fromEnd }: KeysetPage): readonly Span[] {
  const streamOf = (key: PageKey | undefined) => key?.slice(0, 2)
  const tagOf = (key: PageKey | undefined) => key?.slice(2)
  const [first, last] = [streamOf(after), streamOf(before)]
  if (first && last && compareKeys(first, last) === 0) {
    return [{ stream: first, bounds: { after: tagOf(after), before: tagOf(before) } }]
  }
  const spans: Span[] = [
    ...(first ? [{ stream: first, bounds: { after: tagOf(after) } }] : []),
    { between: { after: first, before: last, fromEnd } },
    ...(last ? [{ stream: last, bounds: { before: tagOf(before) } }] : []),
  ]
  return fromEnd ? spans.reverse() : spans
}

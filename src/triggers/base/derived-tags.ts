import { and, asc, eq, isNull, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { imageStreams, tags } from '../../db/tables/index.ts'
import { isGlob, matchesGlob } from '../../input/glob.ts'
import type { TagPosition } from '../definition/bases-reading.ts'
import type { Trigger } from '../definition/trigger.ts'

/** A tag that a trigger's patterns match, with the image that it points to. */
interface MatchedTag {
  readonly tagId: number
  readonly imageId: number
}

interface Part {
  readonly matched: readonly MatchedTag[]
  /** The last tag of the part, after which the next one begins; null after the last part. */
  readonly next: TagPosition | null
}

/** Tags that are read at a time. */
const PART = 50

/** Creates the reads of the tags that the patterns of a trigger match, in parts: there may be very many. */
export const createDerivedTags =
  ({ orm }: Pick<Database, 'orm'>) =>
  /** Returns the part after a tag; the first one after two empty names. */
  (
    { namespace, ...source }: Pick<Trigger, 'namespace' | 'streams' | 'tags'>,
    [afterStream, afterTag]: TagPosition,
  ): Part => {
    const { name: stream } = imageStreams
    const rows = orm
      .select({ stream, tag: tags.name, tagId: tags.id, imageId: tags.newestImageId })
      .from(imageStreams)
      .innerJoin(tags, eq(tags.streamId, imageStreams.id))
      .where(
        and(
          eq(imageStreams.namespace, namespace),
          isGlob(source.streams) ? undefined : eq(stream, source.streams),
          isNull(imageStreams.deletedAt),
          isNull(tags.removedAt),
          sql`${stream} >= ${afterStream} and (${stream} > ${afterStream} or ${tags.name} > ${afterTag})`,
        ),
      )
      .orderBy(asc(stream), asc(tags.name))
      .limit(PART)
      .all()
    const last = rows.length === PART ? rows.at(-1) : undefined
    const matched = rows.flatMap(({ imageId, tagId, ...row }) =>
      imageId !== null && matchesGlob(source.streams, row.stream) && matchesGlob(source.tags, row.tag)
        ? [{ tagId, imageId }]
        : [],
    )
    return { matched, next: last ? [last.stream, last.tag] : null }
  }

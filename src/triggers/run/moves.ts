import { and, desc, eq, lt, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/sqlite-core'
import type { Database } from '../../db/open.ts'
import { imageStreams, images, tagEvents, tags } from '../../db/tables/index.ts'
import type { MovedTag } from '../content/moved-tag.ts'

/** Creates the description of moves for actions. */
export function createMoves({ orm }: Pick<Database, 'orm'>) {
  const before = alias(images, 'before')
  const entry = orm
    .select({
      namespace: imageStreams.namespace,
      imageStream: imageStreams.name,
      tag: tags.name,
      digest: images.digest,
      dockerImageReference: tagEvents.dockerImageReference,
      platforms: images.platforms,
      movedAt: tagEvents.createdAt,
      tagId: tagEvents.tagId,
      imageId: tagEvents.imageId,
    })
    .from(tagEvents)
    .innerJoin(tags, eq(tags.id, tagEvents.tagId))
    .innerJoin(imageStreams, eq(imageStreams.id, tags.streamId))
    .innerJoin(images, eq(images.id, tagEvents.imageId))
    .where(eq(tagEvents.id, sql.placeholder('eventId')))
    .prepare()
  const entryBefore = orm
    .select({ digest: before.digest })
    .from(tagEvents)
    .innerJoin(before, eq(before.id, tagEvents.imageId))
    .where(and(eq(tagEvents.tagId, sql.placeholder('tagId')), lt(tagEvents.id, sql.placeholder('eventId'))))
    .orderBy(desc(tagEvents.id))
    .limit(1)
    .prepare()

  /** Returns what an action may say about an entry of a tag's history; undefined once the entry was pruned. */
  return (eventId: number): MovedTag | undefined => {
    const found = entry.get({ eventId })
    if (!found) return undefined
    const { tagId, imageId: _, platforms, ...move } = found
    const previous = entryBefore.get({ tagId, eventId })
    return {
      ...move,
      previousDigest: previous?.digest ?? null,
      platforms: platforms?.split(' ').filter((name) => name !== '') ?? [],
    }
  }
}

/** The description of moves for actions. */
export type DescribeMove = ReturnType<typeof createMoves>

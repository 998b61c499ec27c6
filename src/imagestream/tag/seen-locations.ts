import { and, desc, eq } from 'drizzle-orm'
import type { Viewer } from '../../access/right/viewer.ts'
import type { Database } from '../../db/open.ts'
import { conditionOf } from '../../db/search.ts'
import { imageStreams, images, tagEvents, tags } from '../../db/tables/index.ts'
import { columnsOfStream, visibleStreams } from '../../db/visible-places.ts'
import { pullSpecByDigest } from '../../oci/reference.ts'
import type { ImageLocation } from './image-locations.ts'

/** Entries of histories of which one must be in a stream that the viewer sees; the newest. */
const MOST_ENTRIES = 1_000

/** Creates the check whether a viewer sees an image in a repository: the history of a visible stream has it from there. */
export const createSeenLocations =
  ({ orm }: Database) =>
  ({ rights }: Viewer, { repository, digest }: ImageLocation): boolean => {
    if (rights.scopes.length === 0) return true
    const pullSpec = pullSpecByDigest(repository, digest)
    const entries = orm
      .select({ tagId: tagEvents.tagId })
      .from(tagEvents)
      .innerJoin(images, eq(images.id, tagEvents.imageId))
      .where(and(eq(images.digest, digest), eq(tagEvents.dockerImageReference, pullSpec)))
      .orderBy(desc(tagEvents.id))
      .limit(MOST_ENTRIES)
      .as('e')
    const { namespace } = repository
    const found = orm
      .select({ id: imageStreams.id })
      .from(entries)
      .innerJoin(tags, eq(tags.id, entries.tagId))
      .innerJoin(imageStreams, eq(imageStreams.id, tags.streamId))
      .where(
        and(
          namespace === null ? undefined : eq(imageStreams.namespace, namespace),
          conditionOf(visibleStreams(rights, columnsOfStream('image_streams'))),
        ),
      )
      .limit(1)
      .get()
    return found !== undefined
  }

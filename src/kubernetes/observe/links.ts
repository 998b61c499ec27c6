import { and, desc, eq, isNull, or, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { imageChildren, imageStreams, images, tagEvents, tags } from '../../db/tables/index.ts'
import type { Digest } from '../../oci/digest.ts'
import { InvalidReferenceError, parseReference } from '../../oci/reference.ts'
import { repositoryNameOf } from '../../oci/repository-name.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { TagName } from '../../oci/tag.ts'

/** The stream whose image a container has, and the tag where one is known. */
export interface ImageLink {
  readonly stream: StreamName
  readonly tag: TagName | null
}

interface LinksDependencies {
  readonly db: Database
  /** Reports whether the registry's host is this server's. */
  readonly isOwnRegistry: (registry: string) => boolean
}

/** Streams that one image is looked for in. */
const MAX_STREAMS = 100

/** Finds the streams whose images containers have. */
export type ImageLinks = ReturnType<typeof createImageLinks>

/** Creates the search for the streams whose images containers have. */
export function createImageLinks({ db: { orm }, isOwnRegistry }: LinksDependencies) {
  /** The image itself, and the indexes that have it as the image of a platform. */
  const isImage = (digest: Digest) => {
    const image = orm.select({ id: images.id }).from(images).where(eq(images.digest, digest))
    const indexes = orm
      .select({ id: imageChildren.indexId })
      .from(imageChildren)
      .innerJoin(images, eq(images.id, imageChildren.imageId))
      .where(eq(images.digest, digest))
    return (column: typeof tags.newestImageId | typeof tagEvents.imageId) =>
      or(sql`${column} in ${image}`, sql`${column} in ${indexes}`)
  }
  const columns = { namespace: imageStreams.namespace, name: imageStreams.name, tag: tags.name }

  /** Returns tags that point to the image, or else the tags that did so last, newest first. */
  const tagsOf = (digest: Digest, stream?: StreamName) => {
    const isOf = isImage(digest)
    const isHere = and(
      isNull(imageStreams.deletedAt),
      stream && and(eq(imageStreams.namespace, stream.namespace), eq(imageStreams.name, stream.name)),
    )
    const now = orm
      .select(columns)
      .from(tags)
      .innerJoin(imageStreams, eq(imageStreams.id, tags.streamId))
      .where(and(isOf(tags.newestImageId), isHere))
      .orderBy(desc(tags.newestAt), desc(tags.id))
      .limit(MAX_STREAMS)
      .all()
    if (now.length > 0) return now
    return orm
      .select(columns)
      .from(tagEvents)
      .innerJoin(tags, eq(tags.id, tagEvents.tagId))
      .innerJoin(imageStreams, eq(imageStreams.id, tags.streamId))
      .where(and(isOf(tagEvents.imageId), isHere))
      .orderBy(desc(tagEvents.id))
      .limit(MAX_STREAMS)
      .all()
  }

  return {
    /**
     * Returns the stream that an image belongs to: by its name in this server's registry, and else by its digest in the history
     * of a tag. Undefined where there is none, or none for which `mayUse` is true.
     */
    linkOf(
      image: string,
      digests: readonly Digest[],
      mayUse: (namespace: string) => boolean,
    ): ImageLink | undefined {
      const named = ownName(image, isOwnRegistry)
      if (named?.tag) return mayUse(named.stream.namespace) ? named : undefined
      for (const digest of digests) {
        const found = tagsOf(digest, named?.stream).find(({ namespace }) => mayUse(namespace))
        if (found) return { stream: { namespace: found.namespace, name: found.name }, tag: found.tag }
      }
      return named && mayUse(named.stream.namespace) ? named : undefined
    },

    /** Reports whether the image is stored here. */
    isKnown: (digest: Digest): boolean =>
      orm.select({ id: images.id }).from(images).where(eq(images.digest, digest)).get() !== undefined,
  }
}

/** Returns the stream, and the tag unless there is a digest, that an image has in this server's registry. */
function ownName(image: string, isOwnRegistry: (registry: string) => boolean): ImageLink | undefined {
  try {
    const { registry, repository, tag, digest } = parseReference(image)
    const stream = isOwnRegistry(registry) ? repositoryNameOf(repository) : undefined
    return stream && { stream, tag: digest === null ? tag : null }
  } catch (error) {
    if (error instanceof InvalidReferenceError) return undefined
    throw error
  }
}

import { and, desc, eq, sql } from 'drizzle-orm'
import { isOneOf } from '../../db/one-of.ts'
import type { Database } from '../../db/open.ts'
import { imageStreams, images, specTags, tagEvents, tags } from '../../db/tables/index.ts'
import type { Digest } from '../../oci/digest.ts'
import { InvalidReferenceError, parseReference } from '../../oci/reference.ts'

/** A repository, and how to send requests to it. */
export interface ImageRepository {
  readonly registry: string
  readonly repository: string
  /** Accepts plain HTTP and certificates that do not verify. */
  readonly insecure: boolean
  /** Namespace whose credentials are used; null for none. */
  readonly namespace: string | null
}

/** An image in a repository. */
export interface ImageLocation {
  readonly repository: ImageRepository
  readonly digest: Digest
}

/** The image that a tag points to. */
export interface TagImageLocation extends ImageLocation {
  /** The index that the image was chosen from by its platform; null where the tag points to the image directly. */
  readonly index: Digest | null
}

interface LocationRow {
  readonly dockerImageReference: string
  readonly digest: Digest
  readonly namespace: string | null
  readonly insecure: 0 | 1
}

const LOCATION_COLUMNS = {
  dockerImageReference: tagEvents.dockerImageReference,
  digest: images.digest,
  namespace: imageStreams.namespace,
  insecure: sql<0 | 1>`coalesce(${specTags.insecure}, ${imageStreams.insecure})`,
}
const OF_SPEC_TAG = and(eq(specTags.streamId, tags.streamId), eq(specTags.name, tags.name))

/** Creates the reads of locations of images. One image can be in many repositories, each with its own referrers of it. */
export const createImageLocations = ({ orm }: Database) => ({
  /** Returns the images that the tags point to, by tag id. Tags without an image are missing. */
  ofTags: (tagIds: readonly number[]): Map<number, TagImageLocation> =>
    new Map(
      orm
        .select({ ...LOCATION_COLUMNS, tagId: tags.id, upstreamDigest: tags.upstreamDigest })
        .from(tags)
        .innerJoin(tagEvents, eq(tagEvents.id, tags.newestEventId))
        .innerJoin(images, eq(images.id, tagEvents.imageId))
        .innerJoin(imageStreams, eq(imageStreams.id, tags.streamId))
        .leftJoin(specTags, OF_SPEC_TAG)
        .where(isOneOf(tags.id, tagIds))
        .all()
        .flatMap((row): [number, TagImageLocation][] => {
          const location = locationOf(row)
          if (!location) return []
          const index = row.upstreamDigest === location.digest ? null : row.upstreamDigest
          return [[row.tagId, { ...location, index }]]
        }),
    ),

  /** Returns the location from which the stream last received the image. */
  inStream: (streamId: number, imageId: number): ImageLocation | undefined =>
    locationOf(
      orm
        .select(LOCATION_COLUMNS)
        .from(tagEvents)
        .innerJoin(images, eq(images.id, tagEvents.imageId))
        .innerJoin(tags, eq(tags.id, tagEvents.tagId))
        .innerJoin(imageStreams, eq(imageStreams.id, tags.streamId))
        .leftJoin(specTags, OF_SPEC_TAG)
        .where(and(eq(tagEvents.imageId, imageId), eq(tags.streamId, streamId)))
        .orderBy(desc(tagEvents.id))
        .limit(1)
        .get(),
    ),

  /** Returns the location of a pull spec, without the credentials of a namespace. */
  ofPullSpec: (dockerImageReference: string, digest: Digest): ImageLocation | undefined =>
    locationOf({ dockerImageReference, digest, namespace: null, insecure: 0 }),
})

function locationOf(row: LocationRow | undefined): ImageLocation | undefined {
  if (!row) return undefined
  const { dockerImageReference, digest, namespace, insecure } = row
  try {
    const { registry, repository } = parseReference(dockerImageReference)
    return { digest, repository: { registry, repository, namespace, insecure: insecure === 1 } }
  } catch (error) {
    if (error instanceof InvalidReferenceError) return undefined
    throw error
  }
}

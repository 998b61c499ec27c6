import type { Database } from '../../db/open.ts'
import type { Digest } from '../../oci/digest.ts'
import { InvalidReferenceError, parseReference } from '../../oci/reference.ts'
import type { ImageInPlace } from './referrers.ts'

/** What a tag means, where that is. */
export interface TagImage extends ImageInPlace {
  /** The index that the image was taken of, where the tag means one platform's image alone. */
  readonly index: Digest | null
}

/** Where images are: the same image may lie in many repositories, and each has its own signatures of it. */
export interface Places {
  /** Of tags, what they mean now; tags without an image are missing. */
  ofTags(tagIds: readonly number[]): Map<number, TagImage>
  /** The repository from which a stream last got the image. */
  inStream(streamId: number, imageId: number): ImageInPlace | undefined
  /** The repository in which the image was first seen, read as the server itself. */
  ofImage(imageId: number): ImageInPlace | undefined
}

interface Row {
  readonly dockerImageReference: string
  readonly digest: Digest
  readonly namespace: string | null
  readonly insecure: 0 | 1
}

interface TagRow extends Row {
  readonly tagId: number
  readonly upstreamDigest: Digest | null
}

const INSECURE = 'coalesce(p.insecure, s.insecure) as insecure'
const OF_STREAM = `join image_streams s on s.id = t.stream_id
  left join spec_tags p on p.stream_id = t.stream_id and p.name = t.name`

export function createPlaces(db: Database): Places {
  const ofTags = db.prepare<TagRow>(
    `select t.id as tagId, e.docker_image_reference as dockerImageReference, i.digest,
       t.upstream_digest as upstreamDigest, s.namespace, ${INSECURE}
     from tags t join tag_events e on e.id = t.newest_event_id join images i on i.id = e.image_id ${OF_STREAM}
     where t.id in (select value from json_each(?))`,
  )
  const inStream = db.prepare<Row>(
    `select e.docker_image_reference as dockerImageReference, i.digest, s.namespace, ${INSECURE}
     from tag_events e join images i on i.id = e.image_id join tags t on t.id = e.tag_id ${OF_STREAM}
     where e.image_id = ? and t.stream_id = ? order by e.id desc limit 1`,
  )
  const ofImage = db.prepare<Row>(
    `select docker_image_reference as dockerImageReference, digest, null as namespace, 0 as insecure
     from images where id = ?`,
  )
  return {
    ofTags: (tagIds) =>
      new Map(
        ofTags.all(JSON.stringify(tagIds)).flatMap((row): [number, TagImage][] => {
          const image = imageOf(row)
          if (!image) return []
          const index = row.upstreamDigest === image.digest ? null : row.upstreamDigest
          return [[row.tagId, { ...image, index }]]
        }),
      ),
    inStream: (streamId, imageId) => imageOf(inStream.get(imageId, streamId)),
    ofImage: (imageId) => imageOf(ofImage.get(imageId)),
  }
}

function imageOf(row: Row | undefined): ImageInPlace | undefined {
  if (!row) return undefined
  const { dockerImageReference, digest, namespace, insecure } = row
  try {
    const { registry, repository } = parseReference(dockerImageReference)
    return { digest, place: { registry, repository, namespace, insecure: insecure === 1 } }
  } catch (error) {
    if (error instanceof InvalidReferenceError) return undefined
    throw error
  }
}

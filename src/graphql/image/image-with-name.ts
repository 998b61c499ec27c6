import type { Image } from '../../imagestream/image/image.ts'
import { findImageInHistory } from '../../imagestream/stream/follow.ts'
import { imageNamed, streamOrTagNamed } from '../../input/qualified-name.ts'
import { parseDigest } from '../../oci/digest.ts'
import { DEFAULT_TAG } from '../../oci/tag.ts'
import type { GraphQLContext } from '../kit/context.ts'

/**
 * Returns the image with a digest, of a tag, or in the history of a stream; undefined if there is none. Throws
 * InvalidInputError with the `field`, ConflictError where several images match.
 */
export function imageWithName(name: string, field: string, context: GraphQLContext): Image | undefined {
  const { viewer, streams, tags, images } = context
  const digest = parseDigest(name)
  if (digest) return images.byDigest(viewer, digest)
  if (!name.includes('@')) {
    const { namespace, name: stream, tag } = streamOrTagNamed({ name }, field)
    const found = streams.byName(context.viewer, namespace, stream)
    const [now] = found ? tags.named([found.id], tag ?? DEFAULT_TAG) : []
    return now?.image ? images.byDigest(viewer, now.image.digest) : undefined
  }
  const { namespace, name: stream, digest: prefix } = imageNamed({ name }, field)
  const found = streams.byName(context.viewer, namespace, stream)
  if (!found) return undefined
  const image = findImageInHistory(tags, found.id, { namespace, stream, digest: prefix })
  return image && images.byIds([image.imageId]).get(image.imageId)
}

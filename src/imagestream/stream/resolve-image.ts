import { checkReference } from '../../input/check-reference.ts'
import { checkNamespace, checkTagName, splitName } from '../../input/names.ts'
import { formatReference, parseReference, pullSpecByDigest, type Reference } from '../../oci/reference.ts'
import { isStreamName } from '../../oci/stream-name.ts'
import type { Image, Images } from '../image/image.ts'
import type { ImageStream, SpecTag } from '../spec/spec.ts'
import type { LookBack } from '../tag/look-back.ts'
import type { Tag, Tags } from '../tag/tag.ts'
import type { Streams } from './stream.ts'

/** What a workload in a namespace means by a name. */
export interface ResolvedImage {
  /** Whether a stream of the namespace answers for the name, or the name is the reference of a registry. */
  readonly source: 'IMAGE_STREAM' | 'REFERENCE'
  /** What to pull; null where the stream that answers for the name has no such image. */
  readonly dockerImageReference: string | null
  /** Null where it is not known which image that is. */
  readonly image: Image | null
  /** The tag that the name means; null for a reference, and for a name by digest. */
  readonly tag: Tag | null
  /** Why there is nothing to pull; null where there is. */
  readonly message: string | null
}

export interface ResolveSources {
  readonly streams: Streams
  readonly tags: Tags
  readonly images: Images
  readonly lookBack: LookBack
  /** Where the integrated registry serves a stream's images; null where there is none. */
  readonly localRepository: (stream: ImageStream) => string | null
}

/** The pull spec to give out: the image's own, or with the policy `Local` the integrated registry's by digest. */
export const pullSpecOf = (
  image: { readonly digest: string; readonly dockerImageReference: string },
  policy: SpecTag['referencePolicy'] | undefined,
  localRepository: string | null,
): string =>
  policy === 'Local' && localRepository !== null
    ? `${localRepository}@${image.digest}`
    : image.dockerImageReference

/**
 * What `ruby`, `ruby:3.3`, `ruby@sha256:…` or any reference means for a workload of the namespace. A bare name means the
 * stream of that name where its lookup policy is local, and then nothing else: a tag that the stream does not have is not
 */
export function resolveImage(namespace: string, name: string, sources: ResolveSources): ResolvedImage {
  checkNamespace(namespace)
  const reference = checkReference(name, 'name')
  const parts = splitName(name)
  // ruby:3.3@sha256:…: the digest wins
  const streamName = parts.stream.split(':', 1)[0] ?? ''
  const stream =
    !name.includes('/') && isStreamName(namespace, streamName)
      ? sources.streams.byName(namespace, streamName)
      : undefined
  if (!stream?.lookupLocal) return ofRegistry(reference, 'REFERENCE', sources)
  return 'tag' in parts ? resolveTag(stream, parts.tag, sources) : resolveDigest(stream, reference, sources)
}

function ofRegistry(
  reference: Reference,
  source: ResolvedImage['source'],
  { images }: ResolveSources,
): ResolvedImage {
  const { digest } = reference
  return {
    source,
    dockerImageReference: digest ? pullSpecByDigest(reference, digest) : formatReference(reference),
    image: (digest && images.byDigest(digest)) ?? null,
    tag: null,
    message: null,
  }
}

function resolveTag(stream: ImageStream, text: string, sources: ResolveSources): ResolvedImage {
  const { streams, tags, images, localRepository } = sources
  const name = checkTagName(text, 'name')
  const [tag = null] = tags.named([stream.id], name)
  const specTag = streams.specTag(stream.id, name)
  if (specTag?.reference && specTag.fromKind === 'DockerImage' && specTag.fromName !== null) {
    return { ...ofRegistry(parseReference(specTag.fromName), 'IMAGE_STREAM', sources), tag }
  }
  const image = tag?.image && images.byIds([tag.image.id]).get(tag.image.id)
  if (!tag || !image || tag.dockerImageReference === null) {
    const known = tag || specTag
    return nothing(
      tag,
      `${nameOf(stream)} ${known ? `has no image at its tag "${name}" yet` : `has no tag "${name}"`}`,
    )
  }
  const found = { digest: image.digest, dockerImageReference: tag.dockerImageReference }
  return {
    source: 'IMAGE_STREAM',
    dockerImageReference: pullSpecOf(found, specTag?.referencePolicy, localRepository(stream)),
    image,
    tag,
    message: null,
  }
}

function resolveDigest(stream: ImageStream, { digest }: Reference, sources: ResolveSources): ResolvedImage {
  const { streams, images, lookBack, localRepository } = sources
  const image = digest && images.byDigest(digest)
  const past = image && lookBack.newestInStream(stream.id, image.id)
  if (!image || !past) return nothing(null, `${nameOf(stream)} never had an image ${digest}`)
  const found = { digest: image.digest, dockerImageReference: past.event.dockerImageReference }
  const policy = streams.specTag(stream.id, past.name)?.referencePolicy
  return {
    source: 'IMAGE_STREAM',
    dockerImageReference: pullSpecOf(found, policy, localRepository(stream)),
    image,
    tag: null,
    message: null,
  }
}

const nameOf = ({ namespace, name }: ImageStream): string => `${namespace}/${name}`

const nothing = (tag: Tag | null, why: string): ResolvedImage => ({
  source: 'IMAGE_STREAM',
  dockerImageReference: null,
  image: null,
  tag,
  message: `${why}, and a bare name means this stream alone: its lookupPolicy is local`,
})

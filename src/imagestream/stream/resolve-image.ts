import type { Viewer } from '../../access/right/viewer.ts'
import { checkNamespace, checkReference, checkTagName, splitName } from '../../input/names.ts'
import { formatReference, parseReference, pullSpecByDigest, type Reference } from '../../oci/reference.ts'
import { isStreamName } from '../../oci/stream-name.ts'
import type { Image } from '../image/image.ts'
import type { Images } from '../image/images.ts'
import { pullSpecOf } from '../spec/pull-spec.ts'
import type { ImageStream } from '../spec/spec.ts'
import type { LookBack } from '../tag/look-back.ts'
import type { Tag, Tags } from '../tag/tag.ts'
import type { Streams } from './stream.ts'

/** The image that a name stands for in a namespace. */
export interface ResolvedImage {
  /** Whether the name is a stream of the namespace, or a reference to a registry. */
  readonly source: 'IMAGE_STREAM' | 'REFERENCE'
  /** Pull spec; null where the stream has no image of the digest. */
  readonly dockerImageReference: string | null
  /** Null for an image that is not stored. */
  readonly image: Image | null
  /** The stream's tag; null for a reference, and for a name by digest. */
  readonly tag: Tag | null
  /** Whether the stream's tag has no image yet: the pull spec is then the stream's own by tag, for which a workload waits. */
  readonly isPending: boolean
  /** Why there is no image of the stream; null where there is one, and for a reference. */
  readonly message: string | null
}

/** The name of an image as a workload of the namespace has it. */
export interface NameInWorkload {
  readonly namespace: string
  readonly name: string
}

/** Reads that resolving a name needs. */
export interface ResolveSources {
  readonly streams: Streams
  readonly tags: Tags
  readonly images: Images
  readonly lookBack: LookBack
  /** Returns the repository that the stream's images can be pulled from. */
  readonly pullRepository: (stream: ImageStream) => string
  /** Returns the repository of the integrated registry that serves a stream; null where there is none. */
  readonly localRepository: (stream: ImageStream) => string | null
}

/**
 * Resolves `ruby`, `ruby:3.3`, `ruby@sha256:…` or a reference for a workload of the namespace. A bare name is the stream of
 * that name where the stream's lookup policy is local, and then never an image of a registry: a tag without an image is the
 * stream's own pull spec by tag, for which a workload waits. Throws InvalidInputError. Source: image policy admission of
 * OpenShift.
 */
export function resolveImage(
  viewer: Viewer,
  { namespace, name }: NameInWorkload,
  sources: ResolveSources,
): ResolvedImage {
  checkNamespace(namespace)
  const reference = checkReference(name, 'name')
  const parts = splitName(name)
  // ruby:3.3@sha256:…: the digest wins
  const streamName = parts.stream.split(':', 1)[0] ?? ''
  const stream =
    !name.includes('/') && isStreamName(namespace, streamName)
      ? sources.streams.byName(viewer, namespace, streamName)
      : undefined
  if (!stream?.lookupLocal) return ofRegistry(viewer, { reference, source: 'REFERENCE' }, sources)
  return 'tag' in parts
    ? resolveTag(viewer, { stream, tag: parts.tag }, sources)
    : resolveDigest(viewer, { stream, digest: reference.digest }, sources)
}

function ofRegistry(
  viewer: Viewer,
  { reference, source }: { readonly reference: Reference; readonly source: ResolvedImage['source'] },
  { images }: ResolveSources,
): ResolvedImage {
  const { digest } = reference
  return {
    source,
    dockerImageReference: digest ? pullSpecByDigest(reference, digest) : formatReference(reference),
    image: (digest && images.byDigest(viewer, digest)) ?? null,
    tag: null,
    isPending: false,
    message: null,
  }
}

function resolveTag(
  viewer: Viewer,
  { stream, tag: text }: { readonly stream: ImageStream; readonly tag: string },
  sources: ResolveSources,
): ResolvedImage {
  const { streams, tags, images, localRepository, pullRepository } = sources
  const name = checkTagName(text, 'name')
  const [tag = null] = tags.named([stream.id], name)
  const specTag = streams.specTag(stream.id, name)
  if (specTag?.reference && specTag.fromKind === 'DockerImage' && specTag.fromName !== null) {
    return {
      ...ofRegistry(viewer, { reference: parseReference(specTag.fromName), source: 'IMAGE_STREAM' }, sources),
      tag,
    }
  }
  const image = tag?.image && images.byIds([tag.image.id]).get(tag.image.id)
  if (!tag || !image || tag.dockerImageReference === null) {
    const known = tag || specTag
    const why = known ? `has no image yet for its tag "${name}"` : `has no tag "${name}" yet`
    return {
      source: 'IMAGE_STREAM',
      dockerImageReference: `${pullRepository(stream)}:${name}`,
      image: null,
      tag,
      isPending: true,
      message: `${nameOf(stream)} ${why}: its own pull spec can be pulled once there is one`,
    }
  }
  const found = { digest: image.digest, dockerImageReference: tag.dockerImageReference }
  const dockerImageReference = pullSpecOf(found, specTag?.referencePolicy, localRepository(stream))
  return { source: 'IMAGE_STREAM', dockerImageReference, image, tag, isPending: false, message: null }
}

function resolveDigest(
  viewer: Viewer,
  { stream, digest }: { readonly stream: ImageStream; readonly digest: Reference['digest'] },
  sources: ResolveSources,
): ResolvedImage {
  const { streams, images, lookBack, localRepository } = sources
  const image = digest && images.byDigest(viewer, digest)
  const past = image && lookBack.newestInStream(stream.id, image.id)
  if (!image || !past) {
    return {
      source: 'IMAGE_STREAM',
      dockerImageReference: null,
      image: null,
      tag: null,
      isPending: false,
      message: `${nameOf(stream)} never had an image ${digest}, and a bare name resolves to this stream only, as its lookupPolicy is local`,
    }
  }
  const found = { digest: image.digest, dockerImageReference: past.event.dockerImageReference }
  const policy = streams.specTag(stream.id, past.name)?.referencePolicy
  const dockerImageReference = pullSpecOf(found, policy, localRepository(stream))
  return { source: 'IMAGE_STREAM', dockerImageReference, image, tag: null, isPending: false, message: null }
}

const nameOf = ({ namespace, name }: ImageStream): string => `${namespace}/${name}`

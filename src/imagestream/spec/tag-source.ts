import { InvalidInputError } from '../../input/errors.ts'
import { checkNamespace, checkReference, checkStreamName, checkTagName } from '../../input/names.ts'
import type { Reference } from '../../oci/reference.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { TagName } from '../../oci/tag.ts'
import type { ObjectReferenceInput, SpecTag } from './spec.ts'

/** Names of a tag and its stream, which need not exist. */
export interface StreamTag {
  readonly namespace: string
  readonly stream: string
  readonly tag: TagName
}

/** An image in the history of a stream, by its digest or the first characters of it. */
export interface StreamImage {
  readonly namespace: string
  readonly stream: string
  readonly digest: string
}

/** The part of a spec tag that names the source of its image. */
export type TagSource = Pick<SpecTag, 'fromKind' | 'fromName' | 'fromNamespace' | 'reference'>

/** Returns the reference of `from`, which names an image of a registry. Throws InvalidInputError. */
export function registrySource({ name, namespace }: ObjectReferenceInput, field: string): Reference {
  if (namespace != null) {
    throw new InvalidInputError(
      `${field}.namespace`,
      `an image of a registry has no namespace: write the whole reference in ${field}.name`,
    )
  }
  return checkReference(name, `${field}.name`)
}

/** Used for the spec's own namespace: the check of a stream name depends only on the length of the namespace. */
const SOME_NAMESPACE = 'default'

const DIGEST_PREFIX = /^sha(?:256:[0-9a-f]{1,64}|512:[0-9a-f]{1,128})$/

/**
 * Returns `from`, which names a tag or an image of a stream, with the namespace apart: without one, the first component of a
 * stream's name with a slash is the namespace, and a name without a slash is in the namespace of the spec. Throws
 * InvalidInputError unless the name is as its kind requires.
 */
export function streamSource(from: ObjectReferenceInput, field: string): ObjectReferenceInput {
  const source = from.namespace == null ? withNamespace(from) : from
  const { kind, name, namespace } = source
  const namespaceField = from.namespace == null ? `${field}.name` : `${field}.namespace`
  if (namespace != null) checkNamespace(namespace, namespaceField)
  const [stream, rest] = split(name, kind === 'ImageStreamTag' ? ':' : '@')
  if (stream !== null) checkStreamName(namespace ?? SOME_NAMESPACE, stream, `${field}.name`)
  if (kind === 'ImageStreamTag') checkTagName(rest, `${field}.name`)
  else if (!DIGEST_PREFIX.test(rest)) {
    throw new InvalidInputError(
      `${field}.name`,
      `"${name}" is not an image of a stream: write ruby@sha256:4f3c, with the digest or its first characters`,
    )
  }
  return source
}

function withNamespace(from: ObjectReferenceInput): ObjectReferenceInput {
  const [stream] = split(from.name, from.kind === 'ImageStreamTag' ? ':' : '@')
  const slash = stream?.indexOf('/') ?? -1
  if (stream === null || slash < 0) return from
  return { ...from, namespace: stream.slice(0, slash), name: from.name.slice(slash + 1) }
}

/**
 * Throws InvalidInputError, with this `field`, for a source that cannot be imported periodically: only a tag of a registry
 * can change. Source: OpenShift, ValidateImageStreamTagReference.
 */
export function checkSchedulable(
  { kind, name }: Omit<ObjectReferenceInput, 'namespace'>,
  field: string,
): void {
  if (kind !== 'DockerImage') {
    throw new InvalidInputError(
      field,
      `scheduled is for an image that is imported from a registry, not for the tag or image ${name} of an image stream`,
    )
  }
  if (checkReference(name, field).digest) {
    throw new InvalidInputError(
      field,
      `"${name}" names one image by digest: only a tag can be imported periodically`,
    )
  }
}

/** Returns the tag of a stream that the source names, followed or not; undefined for another kind of source. */
export function streamTagOf(
  home: StreamName,
  { fromKind, fromName, fromNamespace }: TagSource,
): StreamTag | undefined {
  if (fromKind !== 'ImageStreamTag') return undefined
  const [stream, tag] = split(fromName ?? '', ':')
  return { namespace: fromNamespace ?? home.namespace, stream: stream ?? home.name, tag: tag as TagName }
}

/** Returns the image of a stream that the source names; undefined for another kind of source. */
export function streamImageOf(
  home: StreamName,
  { fromKind, fromName, fromNamespace }: TagSource,
): StreamImage | undefined {
  if (fromKind !== 'ImageStreamImage') return undefined
  const [stream, digest] = split(fromName ?? '', '@')
  return { namespace: fromNamespace ?? home.namespace, stream: stream ?? home.name, digest }
}

/** Returns the columns for the tag that a spec tag follows; a `reference` copies the tag's image once, and follows none. */
export function followedColumns(home: StreamName, source: TagSource) {
  const followed = source.reference ? undefined : streamTagOf(home, source)
  return {
    followsNamespace: followed?.namespace ?? null,
    followsStream: followed?.stream ?? null,
    followsTag: followed?.tag ?? null,
  }
}

/** Reports whether the image comes from a tag or from the history of a stream. */
export const isFromStream = ({ fromKind }: Pick<TagSource, 'fromKind'>): boolean =>
  fromKind === 'ImageStreamTag' || fromKind === 'ImageStreamImage'

/** Reports whether the tag gets each new image of another tag. */
export const followsTag = ({ fromKind, reference }: Pick<TagSource, 'fromKind' | 'reference'>): boolean =>
  fromKind === 'ImageStreamTag' && !reference

/**
 * Returns the source of a spec tag whose stream gets another name: one that named the stream itself names it again, and one
 * without a namespace stays in the namespace that it was in.
 */
export function renamedSource<Source extends TagSource>(
  from: StreamName,
  to: StreamName,
  source: Source,
): Source {
  const named = streamTagOf(from, source) ?? streamImageOf(from, source)
  if (!named || (from.namespace === to.namespace && from.name === to.name)) return source
  const isOwn = named.namespace === from.namespace && named.stream === from.name
  const isImplied = split(source.fromName ?? '', 'tag' in named ? ':' : '@')[0] === null
  if (isOwn && isImplied) return source
  const { namespace, name } = isOwn ? to : { namespace: named.namespace, name: named.stream }
  const isLocal = source.fromNamespace === null && namespace === to.namespace && !name.includes('/')
  return {
    ...source,
    fromName: 'tag' in named ? `${name}:${named.tag}` : `${name}@${named.digest}`,
    fromNamespace: isLocal ? null : namespace,
  }
}

/** Formats a tag as `namespace/stream:tag`. */
export const formatStreamTag = ({ namespace, stream, tag }: StreamTag): string =>
  `${namespace}/${stream}:${tag}`

/** Splits `stream:tag` or `stream@digest`; null for the stream of the spec itself, whose name is left out. */
function split(name: string, separator: ':' | '@'): [stream: string | null, rest: string] {
  const at = name.indexOf(separator)
  // a digest has a colon of its own, so only the first separator counts
  if (at < 0 || (at === 0 && separator === '@')) return [null, name.slice(at + 1)]
  return [name.slice(0, at), name.slice(at + 1)]
}

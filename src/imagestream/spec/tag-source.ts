import { InvalidInputError } from '../../input/errors.ts'
import { checkNamespace, checkStreamName, checkTagName } from '../../input/names.ts'
import type { TagName } from '../../oci/tag.ts'
import type { ObjectReferenceInput, SpecTag } from './spec.ts'

/** The stream whose spec says it: what `from` leaves out is this stream's. */
export interface Home {
  readonly namespace: string
  readonly name: string
}

/** A tag of a stream, by names: neither needs to exist. */
export interface StreamTag {
  readonly namespace: string
  readonly stream: string
  readonly tag: TagName
}

/** An image in the history of a stream, by its digest or the beginning of one. */
export interface StreamImage {
  readonly namespace: string
  readonly stream: string
  readonly digest: string
}

/** What of a spec tag says where its image comes from. */
export type From = Pick<SpecTag, 'fromKind' | 'fromName' | 'fromNamespace' | 'reference'>

/** Stands for the home's own, of which a stream's name depends on the length alone. */
const SOME_NAMESPACE = 'default'

const DIGEST_BEGINNING = /^sha(?:256:[0-9a-f]{1,64}|512:[0-9a-f]{1,128})$/

/** Throws InvalidInputError where `from` names no tag, or no image, of a stream as its kind wants it. */
export function checkStreamSource({ kind, name, namespace }: ObjectReferenceInput, field: string): void {
  if (namespace != null) checkNamespace(namespace, `${field}.namespace`)
  const [stream, rest] = split(name, kind === 'ImageStreamTag' ? ':' : '@')
  if (stream !== null) checkStreamName(namespace ?? SOME_NAMESPACE, stream, `${field}.name`)
  if (kind === 'ImageStreamTag') checkTagName(rest, `${field}.name`)
  else if (!DIGEST_BEGINNING.test(rest)) {
    throw new InvalidInputError(
      `${field}.name`,
      `"${name}" names no image of a stream: write ruby@sha256:4f3c, with the digest or a unique beginning of it`,
    )
  }
}

/** The tag of a stream that is named, whether it is followed or not; undefined for another kind of source. */
export function streamTagOf(home: Home, { fromKind, fromName, fromNamespace }: From): StreamTag | undefined {
  if (fromKind !== 'ImageStreamTag') return undefined
  const [stream, tag] = split(fromName ?? '', ':')
  return { namespace: fromNamespace ?? home.namespace, stream: stream ?? home.name, tag: tag as TagName }
}

/** The image of a stream that is named; undefined for another kind of source. */
export function streamImageOf(
  home: Home,
  { fromKind, fromName, fromNamespace }: From,
): StreamImage | undefined {
  if (fromKind !== 'ImageStreamImage') return undefined
  const [stream, digest] = split(fromName ?? '', '@')
  return { namespace: fromNamespace ?? home.namespace, stream: stream ?? home.name, digest }
}

/** The columns that say which tag a spec tag follows; a `reference` takes what the tag means once, and follows none. */
export function followedColumns(home: Home, from: From) {
  const followed = from.reference ? undefined : streamTagOf(home, from)
  return {
    followsNamespace: followed?.namespace ?? null,
    followsStream: followed?.stream ?? null,
    followsTag: followed?.tag ?? null,
  }
}

/** Whether the image comes from a tag or from the history of a stream. */
export const isFromStream = ({ fromKind }: Pick<From, 'fromKind'>): boolean =>
  fromKind === 'ImageStreamTag' || fromKind === 'ImageStreamImage'

/** Names a tag as people do. */
export const formatStreamTag = ({ namespace, stream, tag }: StreamTag): string =>
  `${namespace}/${stream}:${tag}`

/** `stream:tag` or `stream@digest`; without a stream, or with nothing before "@", it is the home's own. */
function split(name: string, separator: ':' | '@'): [stream: string | null, rest: string] {
  const at = name.indexOf(separator)
  // a digest has a colon of its own, so only the first separator counts
  if (at < 0 || (at === 0 && separator === '@')) return [null, name.slice(at + 1)]
  return [name.slice(0, at), name.slice(at + 1)]
}

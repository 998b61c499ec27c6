import { isObject } from '../oci/descriptor.ts'
import { type Digest, isDigest } from '../oci/digest.ts'
import {
  DOCKER_LIST,
  DOCKER_MANIFEST,
  DOCKER_SCHEMA1,
  DOCKER_SCHEMA1_SIGNED,
  essenceOf,
  OCI_INDEX,
  OCI_MANIFEST,
} from '../oci/media-types.ts'
import { isRepositoryName } from '../oci/reference.ts'
import { isTagName, type TagName } from '../oci/tag.ts'

/** What a registry tells of a manifest or tag of its own. */
export interface RegistryEvent {
  /** The registry's own name of the event: a second delivery has the same. */
  readonly eventId: string
  readonly action: 'push' | 'delete'
  /** The repository's path, as the registry has it. */
  readonly repository: string
  /** The tag that was pushed or deleted; null for a manifest by its digest. */
  readonly tag: TagName | null
  /** Of a push always there. A deletion with neither tag nor digest is the whole repository's. */
  readonly digest: Digest | null
  /** Milliseconds since 1970, by the registry's clock. */
  readonly occurredAt: number
}

/** What was sent is no envelope of notifications; the message says which part is wrong. */
export class InvalidEnvelopeError extends Error {
  override readonly name = 'InvalidEnvelopeError'
  readonly code = 'INVALID'
}

/** Schema 1 cannot be read, but that it was pushed should not go unsaid. */
const MANIFEST_TYPES: ReadonlySet<string> = new Set([
  OCI_MANIFEST,
  OCI_INDEX,
  DOCKER_MANIFEST,
  DOCKER_LIST,
  DOCKER_SCHEMA1,
  DOCKER_SCHEMA1_SIGNED,
])
/** No spaces: names with one are the inbox's own. */
const EVENT_ID = /^[!-~]{1,200}$/
const TIMESTAMP = /^\d{4}-\d\d-\d\dT/

/**
 * The events of an envelope that tell of a push or deletion of a manifest or tag, in their order. Pulls (a HEAD is told
 * as one), mounts and blobs are left out, and so are actions that nobody knows yet. A deleted blob looks like a deleted
 * manifest, which its digest will tell apart. Throws InvalidEnvelopeError, also when one event of several is wrong.
 * Source: distribution, notifications; bodies of 2.8.2 and 3.0.0.
 */
export function parseEnvelope(body: string): RegistryEvent[] {
  let json: unknown
  try {
    json = JSON.parse(body)
  } catch (error) {
    throw new InvalidEnvelopeError('the body is not JSON', { cause: error })
  }
  const events = isObject(json) ? json.events : undefined
  if (!Array.isArray(events)) throw new InvalidEnvelopeError('the body has no list "events"')
  return events.flatMap((event, at) => parseEvent(event, `events[${at}]`) ?? [])
}

function parseEvent(event: unknown, where: string): RegistryEvent | undefined {
  const wrong = (part: string, what: string): InvalidEnvelopeError =>
    new InvalidEnvelopeError(`${where}${part} is not ${what}`)

  if (!isObject(event)) throw wrong('', 'an object')
  const { id, action, target, timestamp } = event
  if (typeof action !== 'string') throw wrong('.action', 'a text')
  if (action !== 'push' && action !== 'delete') return undefined
  if (!isObject(target)) throw wrong('.target', 'an object')
  if (isOfBlob(action, target.mediaType)) return undefined

  if (typeof id !== 'string' || !EVENT_ID.test(id)) throw wrong('.id', 'a printable text without spaces')
  const occurredAt =
    typeof timestamp === 'string' && TIMESTAMP.test(timestamp) ? Date.parse(timestamp) : Number.NaN
  if (Number.isNaN(occurredAt)) throw wrong('.timestamp', 'an RFC 3339 time')
  const { repository } = target
  if (typeof repository !== 'string' || !isRepositoryName(repository)) {
    throw wrong('.target.repository', "a repository's name")
  }
  const tag = givenText(target.tag)
  if (tag !== null && !isTagName(tag)) throw wrong('.target.tag', 'a tag')
  const digest = givenText(target.digest)
  if (digest !== null ? !isDigest(digest) : action === 'push') throw wrong('.target.digest', 'a digest')
  return { eventId: id, action, repository, tag, digest: digest as Digest | null, occurredAt }
}

/** Of a push the media type tells; of a deletion there is none, or an empty one. */
const isOfBlob = (action: 'push' | 'delete', mediaType: unknown): boolean => {
  const type = typeof mediaType === 'string' ? essenceOf(mediaType) : ''
  return type === '' ? action === 'push' : !MANIFEST_TYPES.has(type)
}

/** Null where nothing is said: absent, or empty as 3.0.0 writes it. */
const givenText = (value: unknown): unknown => (value === undefined || value === '' ? null : value)

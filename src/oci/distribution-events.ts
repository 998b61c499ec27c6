import { isObject } from './descriptor.ts'
import { type Digest, isDigest } from './digest.ts'
import {
  DOCKER_LIST,
  DOCKER_MANIFEST,
  DOCKER_SCHEMA1,
  DOCKER_SCHEMA1_SIGNED,
  essenceOf,
  OCI_INDEX,
  OCI_MANIFEST,
} from './media-types.ts'
import { isRepositoryName } from './reference.ts'
import { isTagName, type TagName } from './tag.ts'

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
/** A registry sends one at a time; no body of the size that is taken has more that are meant. */
export const MAX_EVENTS = 20_000
const TIMESTAMP = /^\d{4}-\d\d-\d\dT/

/** An event of an envelope: one that matters, with the registry's host as its client named it; or why it is none. */
export type EnvelopeEntry =
  | { readonly kind: 'event'; readonly event: RegistryEvent; readonly host: string | null }
  /** A pull (a HEAD is told as one), a mount, an action that nobody knows yet, or of a blob. */
  | { readonly kind: 'ignored'; readonly what: string }
  | { readonly kind: 'invalid'; readonly message: string }

/**
 * Every event of an envelope, in their order, each for itself. A deleted blob looks like a deleted manifest, which its
 * digest will tell apart. Throws InvalidEnvelopeError where there is no list of events at all.
 * Source: distribution, notifications; bodies of 2.8.2 and 3.0.0.
 */
export function readEnvelope(body: string): EnvelopeEntry[] {
  let json: unknown
  try {
    json = JSON.parse(body)
  } catch (error) {
    throw new InvalidEnvelopeError('the body is not JSON', { cause: error })
  }
  const events = isObject(json) ? json.events : undefined
  if (!Array.isArray(events)) throw new InvalidEnvelopeError('the body has no list "events"')
  if (events.length > MAX_EVENTS) {
    throw new InvalidEnvelopeError(
      `the body has ${events.length} events: ${MAX_EVENTS} are the most that are read`,
    )
  }
  return events.map((event, at) => readEvent(event, `events[${at}]`))
}

/** The events of an envelope that matter. Throws InvalidEnvelopeError, also when one event of several is wrong. */
export function parseEnvelope(body: string): RegistryEvent[] {
  return readEnvelope(body).flatMap((entry) => {
    if (entry.kind === 'invalid') throw new InvalidEnvelopeError(entry.message)
    return entry.kind === 'event' ? [entry.event] : []
  })
}

function readEvent(event: unknown, where: string): EnvelopeEntry {
  const wrong = (part: string, what: string): EnvelopeEntry => ({
    kind: 'invalid',
    message: `${where}${part} is not ${what}`,
  })

  if (!isObject(event)) return wrong('', 'an object')
  const { id, action, target, timestamp, request } = event
  if (typeof action !== 'string') return wrong('.action', 'a text')
  if (action !== 'push' && action !== 'delete') {
    return { kind: 'ignored', what: action === 'pull' || action === 'mount' ? action : 'unknown action' }
  }
  if (!isObject(target)) return wrong('.target', 'an object')
  if (isOfBlob(action, target.mediaType)) return { kind: 'ignored', what: `${action} of a blob` }

  if (typeof id !== 'string' || !EVENT_ID.test(id)) return wrong('.id', 'a printable text without spaces')
  const occurredAt =
    typeof timestamp === 'string' && TIMESTAMP.test(timestamp) ? Date.parse(timestamp) : Number.NaN
  if (Number.isNaN(occurredAt)) return wrong('.timestamp', 'an RFC 3339 time')
  const { repository } = target
  if (typeof repository !== 'string' || !isRepositoryName(repository)) {
    return wrong('.target.repository', "a repository's name")
  }
  const tag = givenText(target.tag)
  if (tag !== null && !isTagName(tag)) return wrong('.target.tag', 'a tag')
  const digest = givenText(target.digest)
  if (digest !== null ? !isDigest(digest) : action === 'push') return wrong('.target.digest', 'a digest')
  const host =
    isObject(request) && typeof request.host === 'string' && request.host !== '' ? request.host : null
  return {
    kind: 'event',
    event: { eventId: id, action, repository, tag, digest: digest as Digest | null, occurredAt },
    host,
  }
}

/** Of a push the media type tells; of a deletion there is none, or an empty one. */
const isOfBlob = (action: 'push' | 'delete', mediaType: unknown): boolean => {
  const type = typeof mediaType === 'string' ? essenceOf(mediaType) : ''
  return type === '' ? action === 'push' : !MANIFEST_TYPES.has(type)
}

/** Null where nothing is said: absent, or empty as 3.0.0 writes it. */
const givenText = (value: unknown): unknown => (value === undefined || value === '' ? null : value)

import { type Digest, isDigest } from './digest.ts'
import { isObject, MAX_DEPTH, parseJson } from './json.ts'
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

/** A registry's notification about one of its manifests or tags. */
export interface RegistryEvent {
  /** The registry's id of the event; a repeated delivery has the same. */
  readonly eventId: string
  readonly action: 'push' | 'delete'
  /** Path of the repository in the registry. */
  readonly repository: string
  /** The tag that was pushed or deleted; null for a manifest by its digest. */
  readonly tag: TagName | null
  /** Never null for a push. A deletion with neither tag nor digest is of the whole repository. */
  readonly digest: Digest | null
  /** Milliseconds since 1970, by the registry's clock. */
  readonly occurredAt: number
}

/** The body is not a notification envelope; the message says which part is wrong. */
export class InvalidEnvelopeError extends Error {
  override readonly name = 'InvalidEnvelopeError'
  readonly code = 'INVALID'
}

/** Includes schema 1, which cannot be read but whose push is reported. */
const MANIFEST_TYPES: ReadonlySet<string> = new Set([
  OCI_MANIFEST,
  OCI_INDEX,
  DOCKER_MANIFEST,
  DOCKER_LIST,
  DOCKER_SCHEMA1,
  DOCKER_SCHEMA1_SIGNED,
])
/** Without spaces, which mark ids that the inbox creates itself. */
const EVENT_ID = /^[!-~]{1,200}$/
/** Registries send one event at a time; the size limit of a body allows no larger number of valid events. */
export const MAX_EVENTS = 20_000
const TIMESTAMP = /^\d{4}-\d\d-\d\dT/

/**
 * An entry of an envelope: a relevant event, with the registry's host from the client's request, or the reason why it is
 * ignored.
 */
export type EnvelopeEntry =
  | { readonly kind: 'event'; readonly event: RegistryEvent; readonly host: string | null }
  /** A pull (reported for a HEAD as well), a mount, an unknown action, or an event of a blob. */
  | { readonly kind: 'ignored'; readonly what: string }
  | { readonly kind: 'invalid'; readonly message: string }

/**
 * Reads every event of an envelope, in order; one invalid event does not affect the others. A deleted blob has the form
 * of a deleted manifest; callers distinguish them by digest. Throws InvalidEnvelopeError without a list of events.
 * Source: distribution, notifications; bodies of 2.8.2 and 3.0.0.
 */
export function readEnvelope(body: string): EnvelopeEntry[] {
  const json = parseJson(body)
  if (json === undefined) {
    throw new InvalidEnvelopeError(`the body is not JSON, or has more than ${MAX_DEPTH} levels`)
  }
  const events = isObject(json) ? json.events : undefined
  if (!Array.isArray(events)) throw new InvalidEnvelopeError('the body has no list "events"')
  if (events.length > MAX_EVENTS) {
    throw new InvalidEnvelopeError(`the body has ${events.length} events: at most ${MAX_EVENTS} are allowed`)
  }
  return events.map((event, at) => readEvent(event, `events[${at}]`))
}

/** Returns the relevant events of an envelope. Throws InvalidEnvelopeError, also when one of several events is invalid. */
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

/** Reports whether the event is of a blob. The media type of a push shows it; a deletion has none, or an empty one. */
const isOfBlob = (action: 'push' | 'delete', mediaType: unknown): boolean => {
  const type = typeof mediaType === 'string' ? essenceOf(mediaType) : ''
  return type === '' ? action === 'push' : !MANIFEST_TYPES.has(type)
}

/** Returns the value; null when it is absent, or empty as in 3.0.0. */
const givenText = (value: unknown): unknown => (value === undefined || value === '' ? null : value)

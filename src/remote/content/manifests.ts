import type { EgressResponse } from '../../egress/exchange.ts'
import { algorithmOf, type Digest, digestOf, matchesDigest, parseDigest } from '../../oci/digest.ts'
import { MAX_MANIFEST_SIZE, parseManifest } from '../../oci/manifest.ts'
import { essenceOf, MANIFEST_ACCEPT } from '../../oci/media-types.ts'
import type { TagName } from '../../oci/tag.ts'
import { unreadableError } from '../login/registry-errors.ts'
import type { RequestTopic } from '../session/registry-request.ts'
import type { Session } from '../session/session.ts'

/** A manifest's exact bytes and their digest. */
export interface FetchedManifest {
  readonly digest: Digest
  /** As the registry sent it; may be empty or wrong. */
  readonly contentType: string
  readonly bytes: Uint8Array
}

/** The image that a tag points to. */
export interface ResolvedManifest {
  readonly digest: Digest
  /** Present when the digest was computed from the manifest. */
  readonly manifest?: FetchedManifest
}

// without Accept docker-registry responds with 400; without the index types others return the digest of one child
const ACCEPT = { accept: MANIFEST_ACCEPT }

const topicOf = (what: string) => ({ what, unreadable: 'InvalidManifest' }) as const

function requestManifest(
  session: Session,
  topic: RequestTopic,
  target: { method: 'GET' | 'HEAD'; reference: string; known?: Digest | null },
): Promise<EgressResponse> {
  const { method, reference, known } = target
  return session.request({
    ...topic,
    method,
    path: `/v2/${session.repository}/manifests/${reference}`,
    headers: known ? { ...ACCEPT, 'if-none-match': `"${known}"` } : ACCEPT,
    maxBytes: MAX_MANIFEST_SIZE,
    isPull: method === 'GET',
  })
}

/**
 * Returns the image that the tag points to: by HEAD, or by GET and the digest of its bytes when HEAD returns no digest, which
 * is remembered for the repository. Docker Hub counts GETs against its quota, but not HEADs. `known` is the expected digest, null
 * for none. Throws RegistryError.
 */
export async function resolveTag(
  session: Session,
  tag: TagName,
  known: Digest | null,
): Promise<ResolvedManifest> {
  const { hints, repository, clock, warn } = session.options
  const returnsDigest = hints.heads.returnsDigest(repository, clock.now())
  const topic = topicOf(`the tag "${tag}"`)
  const request = (method: 'GET' | 'HEAD') =>
    requestManifest(session, topic, { method, reference: tag, known })
  if (returnsDigest !== false) {
    const head = await request('HEAD')
    const digest = digestOfHead(head, known)
    if (digest) {
      hints.heads.record(repository, true, clock.now())
      return { digest }
    }
    // a 404 is final where HEAD is known to work; elsewhere it may only mean that HEAD is not supported
    if (head.status === 404 && returnsDigest) throw await session.responseError(topic, head)
  }

  const response = await request('GET')
  if (response.status === 304 && known) return { digest: known }
  if (response.status !== 200) throw await session.responseError(topic, response)
  const manifest = await readManifest(session, response, topic)
  // only a manifest shows that the registry responded, and no proxy in its place
  if (returnsDigest === undefined) hints.heads.record(repository, false, clock.now())
  const reported = digestOfHeader(response)
  if (reported && reported !== manifest.digest) {
    warn(
      `its Docker-Content-Digest for ${topic.what} is ${reported}, but the manifest's digest is ${manifest.digest}`,
    )
  }
  return { digest: manifest.digest, manifest }
}

/** Returns the manifest with this digest. Throws RegistryError: NotFound, or InvalidManifest for another digest. */
export async function fetchManifest(session: Session, digest: Digest): Promise<FetchedManifest> {
  const topic = topicOf(`the manifest ${digest}`)
  const response = await requestManifest(session, topic, { method: 'GET', reference: digest })
  if (response.status !== 200) throw await session.responseError(topic, response)
  if (!matchesDigest(response.body, digest)) {
    // throws a more specific error for a web page or a truncated manifest
    await readManifest(session, response, topic)
    throw unreadableError(session.subject(topic), 'the response has a different digest')
  }
  return { digest, contentType: contentTypeOf(response), bytes: response.body }
}

/**
 * Confirms that the repository has the manifest with this digest: by HEAD, or by GET where HEAD proves nothing. Throws
 * RegistryError: NotFound where it has not.
 */
export async function confirmManifest(session: Session, digest: Digest): Promise<void> {
  const { hints, repository, clock } = session.options
  const returnsDigest = hints.heads.returnsDigest(repository, clock.now())
  const topic = topicOf(`the manifest ${digest}`)
  if (returnsDigest !== false) {
    const head = await requestManifest(session, topic, { method: 'HEAD', reference: digest })
    if (digestOfHead(head, null) === digest) return
    if (head.status === 404 && returnsDigest) throw await session.responseError(topic, head)
  }
  await fetchManifest(session, digest)
}

const headerOf = ({ headers }: EgressResponse, name: string): string => {
  const value = headers[name]
  return (Array.isArray(value) ? value[0] : value) ?? ''
}

const contentTypeOf = (response: EgressResponse): string => headerOf(response, 'content-type')

const digestOfHeader = (response: EgressResponse): Digest | undefined =>
  parseDigest(headerOf(response, 'docker-content-digest'))

/** Returns the digest of a HEAD's response; for a 304, which has none, the digest sent in `If-None-Match`. */
function digestOfHead(head: EgressResponse, known: Digest | null): Digest | undefined {
  if (head.status === 304) return known ?? undefined
  const type = essenceOf(contentTypeOf(head))
  if (head.status !== 200 || type === '' || type === 'text/html') return undefined
  return digestOfHeader(head)
}

async function readManifest(
  session: Session,
  response: EgressResponse,
  topic: RequestTopic,
): Promise<FetchedManifest> {
  const contentType = contentTypeOf(response)
  try {
    parseManifest(response.body, contentType)
  } catch (error) {
    throw unreadableError(session.subject(topic), (error as Error).message, error)
  }
  // by the algorithm of the registry's own digest, so that HEAD and GET agree
  const reported = digestOfHeader(response)
  const digest = digestOf(response.body, reported && algorithmOf(reported))
  return { digest, contentType, bytes: response.body }
}

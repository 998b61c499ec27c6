import type { Clock } from '../../concurrency/clock.ts'
import type { EgressResponse } from '../../egress/exchange.ts'
import { algorithmOf, type Digest, digestOf, matchesDigest, parseDigest } from '../../oci/digest.ts'
import { MAX_MANIFEST_SIZE, parseManifest } from '../../oci/manifest.ts'
import { essenceOf, MANIFEST_ACCEPT } from '../../oci/media-types.ts'
import type { TagName } from '../../oci/tag.ts'
import { unreadable } from '../login/refusal.ts'
import type { RegistryHost } from '../login/registry-host.ts'
import type { Ask, Session, Topic } from '../session/session.ts'

/** A manifest's exact bytes under the digest that they have. */
export interface FetchedManifest {
  readonly digest: Digest
  /** As the registry sent it; may be empty or wrong. */
  readonly contentType: string
  readonly bytes: Uint8Array
}

export interface ResolvedManifest {
  readonly digest: Digest
  /** There when the registry could not tell the digest without sending the manifest. */
  readonly manifest?: FetchedManifest
}

export interface ManifestOptions {
  readonly host: RegistryHost
  readonly clock: Clock
  readonly warn: (message: string) => void
}

/** Milliseconds that a host is believed to have no useful HEAD: registries get repaired. */
const HEAD_USELESS_FOR = 3_600_000

const tagSubject = (tag: TagName) => ({ what: `the tag "${tag}"`, unreadable: 'InvalidManifest' }) as const
const digestSubject = (digest: Digest) =>
  ({ what: `the manifest ${digest}`, unreadable: 'InvalidManifest' }) as const

// Without Accept docker-registry answers 400, and without the index types others the digest of one child.
const ACCEPT = { accept: MANIFEST_ACCEPT }

const askFor = (
  { repository }: Session,
  { what, unreadable }: Topic,
  { method, reference, known }: { method: Ask['method']; reference: string; known: Digest | null },
): Ask => ({
  what,
  unreadable,
  method,
  path: `/v2/${repository}/manifests/${reference}`,
  headers: known ? { ...ACCEPT, 'if-none-match': `"${known}"` } : ACCEPT,
  maxBytes: MAX_MANIFEST_SIZE,
  counted: method === 'GET',
})

/**
 * What the tag means now: one HEAD where that tells, else one GET whose bytes are hashed. That a host's HEAD does not
 * tell is remembered. Docker Hub counts GETs against a quota and HEADs not. Throws RegistryError.
 */
export async function resolveTag(
  session: Session,
  tag: TagName,
  known: Digest | null,
  { host, clock, warn }: ManifestOptions,
): Promise<ResolvedManifest> {
  const subject = tagSubject(tag)
  if (host.headUselessUntil <= clock.now()) {
    const head = await session.ask(askFor(session, subject, { method: 'HEAD', reference: tag, known }))
    const digest = digestTold(head, known)
    if (digest) {
      host.headTells = true
      return { digest }
    }
    // Where HEAD is known to work its 404 is the last word; elsewhere it may only mean that there is no HEAD.
    if (head.status === 404 && host.headTells) throw await session.refusal(subject, head)
  }

  const answer = await session.ask(askFor(session, subject, { method: 'GET', reference: tag, known }))
  if (answer.status === 304 && known) return { digest: known }
  if (answer.status !== 200) throw await session.refusal(subject, answer)
  if (!host.headTells) host.headUselessUntil = clock.now() + HEAD_USELESS_FOR
  const manifest = await readManifest(session, answer, subject)
  const told = digestOfHeader(answer)
  if (told && told !== manifest.digest) {
    warn(`it calls the manifest of ${subject.what} ${told}, but its bytes are ${manifest.digest}`)
  }
  return { digest: manifest.digest, manifest }
}

/** The manifest with this digest. Throws RegistryError: NotFound, or InvalidManifest when the bytes are others. */
export async function fetchManifest(session: Session, digest: Digest): Promise<FetchedManifest> {
  const subject = digestSubject(digest)
  const answer = await session.ask(
    askFor(session, subject, { method: 'GET', reference: digest, known: null }),
  )
  if (answer.status !== 200) throw await session.refusal(subject, answer)
  if (!matchesDigest(answer.body, digest)) {
    // says what came instead where that can be told: a web page, a cut
    await readManifest(session, answer, subject)
    throw unreadable(session.question(subject), 'the bytes that it sent have another digest')
  }
  return { digest, contentType: contentTypeOf(answer), bytes: answer.body }
}

const headerOf = ({ headers }: EgressResponse, name: string): string => {
  const value = headers[name]
  return (Array.isArray(value) ? value[0] : value) ?? ''
}

const contentTypeOf = (answer: EgressResponse): string => headerOf(answer, 'content-type')

const digestOfHeader = (answer: EgressResponse): Digest | undefined =>
  parseDigest(headerOf(answer, 'docker-content-digest'))

/** The digest that a HEAD's answer tells; a 304 has none, and means the known one. */
function digestTold(head: EgressResponse, known: Digest | null): Digest | undefined {
  if (head.status === 304) return known ?? undefined
  const type = essenceOf(contentTypeOf(head))
  if (head.status !== 200 || type === '' || type === 'text/html') return undefined
  return digestOfHeader(head)
}

async function readManifest(
  session: Session,
  answer: EgressResponse,
  subject: Topic,
): Promise<FetchedManifest> {
  const contentType = contentTypeOf(answer)
  try {
    parseManifest(answer.body, contentType)
  } catch (error) {
    throw unreadable(session.question(subject), (error as Error).message, error)
  }
  // by the algorithm that the registry names its manifests with, so that HEAD and GET agree
  const told = digestOfHeader(answer)
  const digest = digestOf(answer.body, told && algorithmOf(told))
  return { digest, contentType, bytes: answer.body }
}

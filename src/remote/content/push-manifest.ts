import { algorithmOf, type Digest, digestOf, parseDigest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'
import { unreadableError } from '../login/registry-errors.ts'
import type { RequestTopic } from '../session/registry-request.ts'
import type { Session } from '../session/session.ts'

/** A manifest that is pushed. */
export interface ManifestPush {
  readonly reference: TagName | Digest
  readonly mediaType: string
  readonly bytes: Uint8Array
}

/** The response to a pushed manifest. */
export interface ManifestReceipt {
  readonly digest: Digest
  /** Whether the registry lists a manifest with a `subject` as its referrer; where it does not, `addReferrer` does. */
  readonly isReferrerListed: boolean
}

/** Bytes of a response. */
const MAX_RESPONSE = 64 * 1024
/** Milliseconds: some registries read all layers before they respond. */
const RESPONSE_TIME = 60_000

/** Pushes a manifest. Throws RegistryError. Source: OCI distribution-spec, pushing manifests. */
export async function pushManifest(
  session: Session,
  { reference, mediaType, bytes }: ManifestPush,
): Promise<ManifestReceipt> {
  const own = parseDigest(reference)
  const topic: RequestTopic = {
    what: own ? `the manifest ${own}` : `the tag "${reference}"`,
    absent: `the repository ${session.repository}`,
    unreadable: 'RegistryUnavailable',
    isPush: true,
  }
  const response = await session.request({
    ...topic,
    method: 'PUT',
    path: `/v2/${session.repository}/manifests/${reference}`,
    headers: { 'content-type': mediaType },
    body: bytes,
    maxBytes: MAX_RESPONSE,
    headersTimeout: RESPONSE_TIME,
  })
  if (!PUSHED.has(response.status)) throw await session.responseError(topic, response)
  const reported = parseDigest(response.headers['docker-content-digest'])
  const digest = own ?? digestOf(bytes, reported && algorithmOf(reported))
  if (reported && reported !== digest && algorithmOf(reported) === algorithmOf(digest)) {
    throw unreadableError(session.subject(topic), `it keeps the manifest as ${reported} instead of ${digest}`)
  }
  return { digest, isReferrerListed: response.headers['oci-subject'] !== undefined }
}

const PUSHED: ReadonlySet<number> = new Set([200, 201, 202, 204])

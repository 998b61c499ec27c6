import type { Descriptor } from '../../oci/descriptor.ts'
import { matchesDigest } from '../../oci/digest.ts'
import { MAX_CONFIG_SIZE } from '../../oci/manifest.ts'
import { unreadableError } from '../login/registry-errors.ts'
import type { RequestTopic } from '../session/registry-request.ts'
import type { Session } from '../session/session.ts'

/** Returns an image's config. Throws as `fetchSmallBlob`. */
export const fetchConfig = (session: Session, descriptor: Descriptor): Promise<Uint8Array> =>
  fetchSmallBlob(session, descriptor, { noun: 'config', maxBytes: MAX_CONFIG_SIZE })

/**
 * Returns a whole blob, verified by its digest, from the registry itself; a descriptor's `urls` are ignored. Throws
 * RegistryError: NotFound, or InvalidManifest for a blob that is too large or has another size or digest.
 */
export async function fetchSmallBlob(
  session: Session,
  { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
  { noun, maxBytes }: { readonly noun: string; readonly maxBytes: number },
): Promise<Uint8Array> {
  const topic: RequestTopic = { what: `the ${noun} ${digest}`, unreadable: 'InvalidManifest' }
  const unreadable = (why: string) => unreadableError(session.subject(topic), why)
  if (size > maxBytes) throw unreadable(`it is larger than ${maxBytes} bytes`)
  const response = await session.request({
    ...topic,
    method: 'GET',
    path: `/v2/${session.repository}/blobs/${digest}`,
    headers: { accept: '*/*' },
    maxBytes: size,
  })
  if (response.status !== 200) throw await session.responseError(topic, response)
  if (!matchesDigest(response.body, digest)) throw unreadable('the response has a different digest')
  return response.body
}

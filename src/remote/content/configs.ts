import type { Descriptor } from '../../oci/descriptor.ts'
import { matchesDigest } from '../../oci/digest.ts'
import { MAX_CONFIG_SIZE } from '../../oci/manifest.ts'
import { unreadable } from '../login/refusal.ts'
import type { Session } from '../session/session.ts'

/** The bytes of an image's config. Throws RegistryError: NotFound, or InvalidManifest for other bytes than described. */
export const fetchConfig = (session: Session, descriptor: Descriptor): Promise<Uint8Array> =>
  fetchSmallBlob(session, descriptor, { noun: 'config', maxBytes: MAX_CONFIG_SIZE })

/**
 * The whole of a blob, from the registry itself: a descriptor's `urls` are not looked at. No more than the descriptor's
 * size is read. Throws RegistryError: NotFound, or InvalidManifest for other or more bytes than described.
 */
export async function fetchSmallBlob(
  session: Session,
  { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
  { noun, maxBytes }: { readonly noun: string; readonly maxBytes: number },
): Promise<Uint8Array> {
  const subject = { what: `the ${noun} ${digest}`, unreadable: 'InvalidManifest' } as const
  if (size > maxBytes) {
    throw unreadable(session.question(subject), `it is larger than ${maxBytes} bytes`)
  }
  const answer = await session.ask({
    ...subject,
    method: 'GET',
    path: `/v2/${session.repository}/blobs/${digest}`,
    headers: { accept: '*/*' },
    maxBytes: size,
  })
  if (answer.status !== 200) throw await session.refusal(subject, answer)
  if (!matchesDigest(answer.body, digest)) {
    throw unreadable(session.question(subject), 'the bytes that it sent have another digest')
  }
  return answer.body
}

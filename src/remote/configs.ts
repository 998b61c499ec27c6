import type { Descriptor } from '../oci/descriptor.ts'
import { matchesDigest } from '../oci/digest.ts'
import { MAX_CONFIG_SIZE } from '../oci/manifest.ts'
import { unreadable } from './refusal.ts'
import type { Session } from './session.ts'

/**
 * The bytes of an image's config, from the registry itself: a descriptor's `urls` are not looked at. No more than the
 * descriptor's size is read. Throws RegistryError: NotFound, or InvalidManifest for other or more bytes than described.
 */
export async function fetchConfig(session: Session, { digest, size }: Descriptor): Promise<Uint8Array> {
  const subject = { what: `the config ${digest}`, unreadable: 'InvalidManifest' } as const
  if (size > MAX_CONFIG_SIZE) {
    throw unreadable(session.question(subject), `it is larger than ${MAX_CONFIG_SIZE} bytes`)
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

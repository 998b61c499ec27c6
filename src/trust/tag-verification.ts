import { isAttachment } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { Manifest } from '../oci/manifest.ts'
import type { TagImage } from './places.ts'
import type { TrustPolicy } from './policy.ts'
import type { AskOptions } from './referrers.ts'
import type { Verification } from './verification.ts'
import type { Verifications } from './verifications.ts'

/** Images of one index that are looked at where the index itself is not signed. */
const MAX_PLATFORMS = 10

export interface TagVerificationDependencies {
  readonly verifications: Verifications
  /** Undefined for an image that is not stored. */
  readonly manifestOf: (digest: Digest) => Manifest | undefined
}

/**
 * Whether what a tag means is signed: its very digest; where nobody signed that, the index that the image was taken of,
 * which names it by its digest; or each image of the index that it is. `digests` says which.
 */
export async function verifyTagImage(
  image: TagImage,
  { policy, ...options }: AskOptions & { readonly policy: TrustPolicy },
  { verifications, manifestOf }: TagVerificationDependencies,
): Promise<Verification> {
  const { place, index } = image
  const itself = await verifications.of(image, policy, options)
  if (itself.reason !== 'NoSignature') return itself

  if (index !== null && imagesOf(manifestOf(index)).includes(image.digest)) {
    const whole = await verifications.of({ place, digest: index }, policy, options)
    if (whole.status !== 'VERIFIED') return whole.reason === 'NoSignature' ? itself : whole
    return { ...whole, message: `${whole.message}, as part of the index ${index}` }
  }

  const platforms = imagesOf(manifestOf(image.digest))
  if (platforms.length === 0 || platforms.length > MAX_PLATFORMS) return itself
  const each = await Promise.all(
    platforms.map((digest) => verifications.of({ place, digest }, policy, options)),
  )
  const [first] = each
  if (!first || !each.every(({ status }) => status === 'VERIFIED')) return itself
  return {
    ...first,
    by: [...new Set(each.map(({ by }) => by))].join(', '),
    digests: platforms,
    signatures: each.flatMap(({ signatures }) => signatures),
    message: `each of its ${platforms.length} images is signed, and the index that lists them is not`,
  }
}

const imagesOf = (manifest: Manifest | undefined): readonly Digest[] =>
  manifest?.kind === 'index'
    ? manifest.manifests.filter((child) => !isAttachment(child)).map(({ digest }) => digest)
    : []

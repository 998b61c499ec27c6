import { isAttachment } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Manifest } from '../../oci/manifest.ts'
import type { TagImage } from '../referrer/places.ts'
import type { AskOptions } from '../referrer/referrers.ts'
import type { TrustPolicy } from '../signature/policy.ts'
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
 * Whether what a tag means is signed: its very digest; where no signature of that counts, the index that the image was taken of,
 * which names it by its digest; or each image of the index that it is. `digests` says which.
 */
export async function verifyTagImage(
  image: TagImage,
  { policy, ...options }: AskOptions & { readonly policy: TrustPolicy },
  { verifications, manifestOf }: TagVerificationDependencies,
): Promise<Verification> {
  const { place, digest, index } = image
  const verify = (one: Digest) => verifications.of({ place, digest: one }, policy, options)
  const itself = await verify(digest)
  if (itself.status !== 'UNVERIFIED') return itself
  const other =
    index !== null && imagesOf(manifestOf(index)).includes(digest)
      ? asPartOf(index, await verify(index))
      : await asItsImages(imagesOf(manifestOf(digest)), verify)
  if (!other || other.reason === 'NoSignature') return itself
  // a flaw elsewhere says more than that there is nothing here, and less than a flaw here
  return other.status === 'UNVERIFIED' && itself.reason !== 'NoSignature' ? itself : other
}

const asPartOf = (index: Digest, whole: Verification): Verification =>
  whole.status === 'VERIFIED'
    ? { ...whole, message: `${whole.message}, as part of the index ${index}` }
    : whole

/** Verified where each is; unknown where one could not be seen; undefined where one is not signed. */
async function asItsImages(
  images: readonly Digest[],
  verify: (image: Digest) => Promise<Verification>,
): Promise<Verification | undefined> {
  if (images.length === 0 || images.length > MAX_PLATFORMS) return undefined
  const each = await Promise.all(images.map(verify))
  if (each.some(({ status }) => status === 'UNVERIFIED')) return undefined
  const [first] = each
  const unknown = each.find(({ status }) => status !== 'VERIFIED')
  if (!first || unknown) return unknown
  return {
    ...first,
    by: [...new Set(each.map(({ by }) => by))].join(', '),
    digests: images,
    signatures: each.flatMap(({ signatures }) => signatures),
    message: `each of its ${images.length} images is signed, and the index that lists them is not`,
  }
}

const imagesOf = (manifest: Manifest | undefined): readonly Digest[] =>
  manifest?.kind === 'index'
    ? manifest.manifests.filter((child) => !isAttachment(child)).map(({ digest }) => digest)
    : []

import type { TagImageLocation } from '../../imagestream/tag/image-locations.ts'
import { isAttachment } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Manifest } from '../../oci/manifest.ts'
import type { Verification } from './verification.ts'

/** Most images of an unsigned index that are verified one by one. */
const MAX_PLATFORMS = 10

/**
 * Verifies the image that a tag points to: the image itself or, where that has no accepted signature, the index that
 * contains it, or each image of the index that it is. `digests` of the result lists what was verified. `manifestOf` returns
 * the manifest of a stored image.
 */
export async function verifyTagImage(
  { digest, index }: TagImageLocation,
  verify: (digest: Digest) => Promise<Verification>,
  manifestOf: (digest: Digest) => Manifest | undefined,
): Promise<Verification> {
  const ofImage = await verify(digest)
  if (ofImage.status !== 'UNVERIFIED') return ofImage
  const other =
    index !== null && imagesOf(manifestOf(index)).includes(digest)
      ? asPartOf(index, await verify(index))
      : await verifyEach(imagesOf(manifestOf(digest)), verify)
  if (!other || other.reason === 'NoSignature') return ofImage
  // a flaw of the image's own signature says more than a flaw elsewhere; that says more than `NoSignature`
  return other.status === 'UNVERIFIED' && ofImage.reason !== 'NoSignature' ? ofImage : other
}

const asPartOf = (index: Digest, ofIndex: Verification): Verification =>
  ofIndex.status === 'VERIFIED'
    ? { ...ofIndex, message: `${ofIndex.message}, as part of the index ${index}` }
    : ofIndex

/** VERIFIED when each image is; UNKNOWN when one cannot be read; undefined when one is not signed. */
async function verifyEach(
  images: readonly Digest[],
  verify: (digest: Digest) => Promise<Verification>,
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

import { type Descriptor, formatPlatform, isAttachment } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { type ImageIndex, InvalidManifestError } from '../../oci/manifest.ts'
import { isIndexType } from '../../oci/media-types.ts'
import { parsePlatformName, platformKey } from '../../oci/platforms.ts'

/** Digest of the image that an attestation of BuildKit belongs to. */
const ATTESTED = 'vnd.docker.reference.digest'

const keyOf = (name: string): string => platformKey({ platform: parsePlatformName(name) })

/**
 * Returns the children of an index to copy: the images of the platforms with their attestations, and nested indexes without
 * a platform; all children where no platforms are given. Throws InvalidManifestError for a platform that the index lacks.
 */
export function chosenChildren(index: ImageIndex, platforms: readonly string[]): readonly Descriptor[] {
  if (platforms.length === 0) return index.manifests
  const wanted = new Set(platforms.map(keyOf))
  const images = index.manifests.filter((child) => !isAttachment(child))
  const isNested = ({ platform, mediaType }: Descriptor): boolean => !platform && isIndexType(mediaType)
  const chosen = images.filter((child) => wanted.has(platformKey(child)) || isNested(child))
  const offered = new Set(images.map(platformKey))
  const missing = platforms.filter((name) => !offered.has(keyOf(name)))
  if (missing.length > 0 && !images.some(isNested)) {
    const names = images.flatMap(({ platform }) => (platform ? [formatPlatform(platform)] : []))
    throw new InvalidManifestError(
      `the index has no image for ${missing.join(', ')}, only for ${names.join(', ') || 'no named platform'}`,
    )
  }
  const digests = new Set<string>(chosen.map(({ digest }): Digest => digest))
  const attests = (child: Descriptor): boolean =>
    isAttachment(child) && digests.has(child.annotations[ATTESTED] ?? '')
  return [...chosen, ...index.manifests.filter(attests)]
}

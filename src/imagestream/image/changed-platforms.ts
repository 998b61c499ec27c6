import { groupBy } from '../../input/maps.ts'
import { type Descriptor, formatPlatform, isAttachment, type Platform } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Manifest } from '../../oci/manifest.ts'
import { parsePlatformName, platformKey } from '../../oci/platforms.ts'
import type { Images } from './images.ts'

/** An image for one platform: a child of an index, or a single image. */
export interface PlatformImage {
  readonly digest: Digest
  readonly platform?: Platform | undefined
}

/** Returns the images of an index, without attachments such as attestations. */
export const imagesOfIndex = (manifests: readonly Descriptor[]): readonly Descriptor[] =>
  manifests.filter((child) => !isAttachment(child))

/**
 * Returns the platforms whose images differ, those of `to` first; empty where only the index differs. Null where an image
 * without a platform differs.
 */
export function changedPlatforms(
  from: readonly PlatformImage[],
  to: readonly PlatformImage[],
): readonly Platform[] | null {
  const before = groupBy(from, platformKey)
  const after = groupBy(to, platformKey)
  const changed = [...new Set([...after.keys(), ...before.keys()])].filter(
    (key) => digests(before.get(key)) !== digests(after.get(key)),
  )
  const platforms = changed.map((key) => (after.get(key) ?? before.get(key))?.[0]?.platform)
  return platforms.every((platform) => platform !== undefined) ? platforms : null
}

/**
 * Returns the platforms whose images differ between two indexes, as text for a column: `linux/arm64 linux/s390x`. Empty
 * where only the index differs; null where that is unknown, as for an index that is not stored.
 */
export function reindexedPlatforms(
  images: Pick<Images, 'storedManifest'>,
  from: Digest,
  to: Digest | Manifest,
): string | null {
  const before = images.storedManifest(from)?.manifest
  const after = typeof to === 'string' ? images.storedManifest(to)?.manifest : to
  if (before?.kind !== 'index' || after?.kind !== 'index') return null
  const platforms = changedPlatforms(imagesOfIndex(before.manifests), imagesOfIndex(after.manifests))
  return platforms && writePlatforms(platforms)
}

/** Maximum number of characters for one index: an index can name any platforms, and an import has thousands of indexes. */
const MAX_LENGTH = 2000
const PLATFORM = /^[^/\s]+\/[^/\s]+(?:\/[^/\s]+)?$/

/** Formats platforms for a column; null where they do not fit. */
function writePlatforms(platforms: readonly Platform[]): string | null {
  const names = platforms.map(formatPlatform)
  const text = names.join(' ')
  return text.length <= MAX_LENGTH && names.every((name) => PLATFORM.test(name)) ? text : null
}

/** Parses the result of `reindexedPlatforms`. */
export const readPlatforms = (text: string): readonly Platform[] =>
  text.split(' ').flatMap((name) => parsePlatformName(name) ?? [])

// an index can have several images for one platform, such as Windows versions, in any order
const digests = (images: readonly PlatformImage[] = []): string =>
  [...new Set(images.map(({ digest }) => digest))].sort().join(' ')

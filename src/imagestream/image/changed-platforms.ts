import { groupBy } from '../../input/group-by.ts'
import { type Descriptor, isAttachment } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Manifest } from '../../oci/manifest.ts'
import { formatPlatform, type Platform } from '../../oci/platform.ts'
import { platformKey } from './image-difference.ts'

/** An image for one platform: a child of an index, or a single image. */
export interface PlatformImage {
  readonly digest: Digest
  readonly platform?: Platform | undefined
}

/** What of an index is run: what only accompanies its images counts for nothing. */
export const imagesOfIndex = (manifests: readonly Descriptor[]): readonly PlatformImage[] =>
  manifests.filter((child) => !isAttachment(child))

/**
 * The platforms for which one side has other images than the other, each once, those of `to` first; empty where only
 * what holds them together is another. Null where something changed that names no platform.
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
 * The platforms for which another index has other images: `linux/arm64 linux/s390x`. Empty where only the index itself is
 * another; null where that is not known, as of an index that is not stored.
 */
export function reindexedPlatforms(from: Manifest | undefined, to: Manifest | undefined): string | null {
  if (from?.kind !== 'index' || to?.kind !== 'index') return null
  const platforms = changedPlatforms(imagesOfIndex(from.manifests), imagesOfIndex(to.manifests))
  return platforms && writePlatforms(platforms)
}

/** The most that is written of one index: it may name anything, and an import has thousands. */
const MAX_LENGTH = 2000
const PLATFORM = /^[^/\s]+\/[^/\s]+(?:\/[^/\s]+)?$/

// what does not fit is as good as not known
function writePlatforms(platforms: readonly Platform[]): string | null {
  const names = platforms.map(formatPlatform)
  const text = names.join(' ')
  return text.length <= MAX_LENGTH && names.every((name) => PLATFORM.test(name)) ? text : null
}

/** The platforms that `reindexedPlatforms` wrote. */
export const readPlatforms = (text: string): readonly Platform[] =>
  text.split(' ').flatMap((name) => {
    const [os, architecture, variant] = name.split('/')
    return os && architecture ? [{ os, architecture, ...(variant && { variant }) }] : []
  })

// an index may have several images for one platform, Windows versions for one: their order says nothing
const digests = (images: readonly PlatformImage[] = []): string =>
  [...new Set(images.map(({ digest }) => digest))].sort().join(' ')

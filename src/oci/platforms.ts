import { formatPlatform, isAttachment, type Platform } from './descriptor.ts'
import type { ImageIndex } from './manifest.ts'

/** Platforms that can be searched; an index can contain any text. */
const PLATFORM = /^[\w.-]{1,32}\/[\w.-]{1,32}(?:\/[\w.-]{1,32})?$/

/** Reports whether the text is a platform: `linux/arm64`, with or without a variant. */
export const isPlatformName = (text: string): boolean => PLATFORM.test(text)

/** Maximum number of platforms of one image. */
const MAX_PLATFORMS = 64

/** Returns `linux/amd64 linux/arm64/v8`: each once, sorted; null for none. */
export function formatPlatforms(platforms: readonly Platform[]): string | null {
  const names = platforms.map(formatPlatform).filter((name) => PLATFORM.test(name))
  return [...new Set(names)].sort().slice(0, MAX_PLATFORMS).join(' ') || null
}

/** Returns the platforms of an index's images, without attestations, in the same format. */
export const platformsOfIndex = ({ manifests }: ImageIndex): string | null =>
  formatPlatforms(
    manifests.flatMap((child) => (child.platform && !isAttachment(child) ? [child.platform] : [])),
  )

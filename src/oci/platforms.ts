import { isAttachment } from './descriptor.ts'
import type { ImageIndex } from './manifest.ts'
import { formatPlatform, type Platform } from './platform.ts'

/** What a platform can be searched by; an index may say anything. */
const PLATFORM = /^[\w.-]{1,32}\/[\w.-]{1,32}(?:\/[\w.-]{1,32})?$/

/** Whether an image may be said to run on it: `linux/arm64`, with or without a variant. */
export const isPlatformName = (text: string): boolean => PLATFORM.test(text)

/** Platforms of one image that are told. */
const MAX_PLATFORMS = 64

/** `linux/amd64 linux/arm64/v8`: each once, sorted; null where there is none. */
export function formatPlatforms(platforms: readonly Platform[]): string | null {
  const names = platforms.map(formatPlatform).filter((name) => PLATFORM.test(name))
  return [...new Set(names)].sort().slice(0, MAX_PLATFORMS).join(' ') || null
}

/** The same of an index's images; what accompanies them counts for nothing. */
export const platformsOfIndex = ({ manifests }: ImageIndex): string | null =>
  formatPlatforms(
    manifests.flatMap((child) => (child.platform && !isAttachment(child) ? [child.platform] : [])),
  )

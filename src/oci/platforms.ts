import { formatPlatform, isAttachment, type Platform } from './descriptor.ts'
import type { ImageIndex } from './manifest.ts'

/** Platforms that can be searched; an index can contain any text. */
const PLATFORM = /^[\w.-]{1,32}\/[\w.-]{1,32}(?:\/[\w.-]{1,32})?$/

/** Reports whether the text is a platform: `linux/arm64`, with or without a variant. */
export const isPlatformName = (text: string): boolean => PLATFORM.test(text)

/** Other names of processors. Source: containerd/platforms, normalizeArch. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  'x86-64': 'amd64',
  i386: '386',
  aarch64: 'arm64',
}
/** Variant that a platform without a variant has. Source: containerd/platforms, normalizeArch. */
const BASE_VARIANTS: Readonly<Record<string, string>> = { amd64: 'v1', arm64: 'v8', arm: 'v7' }

/**
 * Returns the platform in one spelling, since an index, an image's config and users can spell the same platform differently:
 * `linux/arm64` for `linux/arm64/v8` and `linux/aarch64`. Source: containerd/platforms, Normalize.
 */
export function normalizePlatform({ os, architecture, variant }: Platform): Platform {
  const processor = ARCHITECTURES[architecture] ?? architecture
  const version = variant?.replace(/^(?=\d)/, 'v')
  const isBase = !version || version === BASE_VARIANTS[processor]
  return { os, architecture: processor, ...(!isBase && { variant: version }) }
}

/** Returns a key that is equal for the same platform in any spelling; empty without a platform. */
export const platformKey = ({ platform }: { readonly platform?: Platform | undefined }): string =>
  platform ? formatPlatform(normalizePlatform(platform)) : ''

/** Parses `linux/arm64/v8`; undefined without a processor. */
export function parsePlatformName(name: string): Platform | undefined {
  const [os, architecture, variant] = name.split('/')
  return os && architecture ? { os, architecture, ...(variant && { variant }) } : undefined
}

/**
 * Returns the spellings of a platform that images can have: `linux/arm64` and `linux/arm64/v8`. `hasVariant` is false for a
 * platform that stands for all its variants.
 */
export function spellingsOf(name: string): {
  readonly names: readonly string[]
  readonly hasVariant: boolean
} {
  const platform = parsePlatformName(name)
  if (!platform) return { names: [name], hasVariant: true }
  const normal = normalizePlatform(platform)
  const base = BASE_VARIANTS[normal.architecture]
  const names = [name, formatPlatform(normal)]
  if (normal.variant === undefined && base !== undefined)
    names.push(formatPlatform({ ...normal, variant: base }))
  return { names: [...new Set(names)], hasVariant: platform.variant !== undefined }
}

/** Returns the wanted platforms that the image lacks, in any spelling. One without a variant stands for all its variants. */
export const missingPlatforms = (wanted: readonly string[], present: readonly string[]): string[] =>
  wanted.filter((name) => {
    const { names, hasVariant } = spellingsOf(name)
    const isPresent = (spelling: string): boolean =>
      present.some((one) => one === spelling || (!hasVariant && one.startsWith(`${spelling}/`)))
    return !names.some(isPresent)
  })

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

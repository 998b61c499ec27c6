import { type Descriptor, formatPlatform, type Platform } from '../../oci/descriptor.ts'
import { type ImageIndex, InvalidManifestError } from '../../oci/manifest.ts'
import { isIndexType } from '../../oci/media-types.ts'
import { normalizePlatform, platformKey } from '../../oci/platforms.ts'
import { imagesOfIndex } from './changed-platforms.ts'

/**
 * Returns the entry of an index for the platform; of several variants, where none is wanted, the one that every processor
 * runs. Without one, an index in it that does not name its platform. Throws InvalidManifestError.
 */
export function choosePlatform(index: ImageIndex, wanted: Platform): Descriptor {
  const candidates = imagesOfIndex(index.manifests)
  const key = platformKey({ platform: wanted })
  const { os, architecture } = normalizePlatform(wanted)
  const found =
    candidates.find((candidate) => platformKey(candidate) === key) ??
    (wanted.variant === undefined
      ? candidates.find(({ platform }) => {
          const offered = platform && normalizePlatform(platform)
          return offered?.os === os && offered.architecture === architecture
        })
      : undefined) ??
    candidates.find(({ platform, mediaType }) => !platform && isIndexType(mediaType))
  if (found) return found
  const offered = candidates.flatMap(({ platform }) => (platform ? [formatPlatform(platform)] : []))
  throw new InvalidManifestError(
    `the index has no image for ${formatPlatform(wanted)}, only for ${offered.join(', ') || 'no named platform'}; ` +
      'importMode PreserveOriginal imports the whole index',
  )
}

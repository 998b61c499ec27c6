import { eq, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { imageChildren, imageConfigs, images } from '../../db/tables/index.ts'
import { parseImageConfig } from '../../oci/image-config.ts'
import { type Manifest, readManifest } from '../../oci/manifest.ts'
import { platformKey } from '../../oci/platforms.ts'
import type { BaseImage, ImageContent, PlatformContent } from '../guard/base-image.ts'

/** What an image says about its bases, and what images based on it have in common with it; the tag gives the names. */
export type BaseContent = ImageContent & Omit<BaseImage, 'names'>

/** Images of one index, and indexes of one image, that are read. */
const MAX = { children: 64, indexes: 100 }

const PART = {
  id: images.id,
  digest: images.digest,
  mediaType: images.mediaType,
  manifest: images.manifest,
  config: imageConfigs.bytes,
}
type Part = Pick<typeof images.$inferSelect, 'id' | 'digest' | 'mediaType' | 'manifest'> & {
  readonly config: Buffer | null
}

/** Creates the reads of what images have in common with their bases. */
export function createBaseContent({ orm }: Pick<Database, 'orm'>) {
  const imageId = sql.placeholder('imageId')
  const image = orm
    .select(PART)
    .from(images)
    .leftJoin(imageConfigs, eq(imageConfigs.digest, images.configDigest))
    .where(eq(images.id, imageId))
    .prepare()
  const children = orm
    .select(PART)
    .from(imageChildren)
    .innerJoin(images, eq(images.id, imageChildren.imageId))
    .innerJoin(imageConfigs, eq(imageConfigs.digest, images.configDigest))
    .where(eq(imageChildren.indexId, imageId))
    .limit(MAX.children)
    .prepare()
  const indexes = orm
    .select({ digest: images.digest })
    .from(imageChildren)
    .innerJoin(images, eq(images.id, imageChildren.indexId))
    .where(eq(imageChildren.imageId, imageId))
    .limit(MAX.indexes)
    .prepare()

  /** Returns the content of a stored image; undefined for one that was pruned. */
  return (id: number): BaseContent | undefined => {
    const own = image.get({ imageId: id })
    if (!own) return undefined
    const manifest = readManifest(own.manifest, own.mediaType)
    const digests = [own.digest, ...indexes.all({ imageId: id }).map(({ digest }) => digest)]
    if (manifest.kind === 'image') {
      return { annotations: {}, platforms: [platformOf(own, manifest, {})], digests }
    }
    const entries = new Map(manifest.manifests.map((entry) => [entry.digest, entry.annotations]))
    const platforms = children
      .all({ imageId: id })
      .map((child) =>
        platformOf(child, readManifest(child.manifest, child.mediaType), entries.get(child.digest)),
      )
    return { annotations: manifest.annotations, platforms, digests: [...digests, ...entries.keys()] }
  }
}

function platformOf(
  { config }: Pick<Part, 'config'>,
  manifest: Manifest,
  ofEntry: Readonly<Record<string, string>> = {},
): PlatformContent {
  const { platform, labels, diffIds } = parseImageConfig(config?.toString() ?? '')
  return {
    platform: platformKey({ platform: platform ?? undefined }),
    annotations: { ...ofEntry, ...manifest.annotations },
    labels,
    diffIds,
  }
}

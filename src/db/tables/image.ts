import { blob, index, integer, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import type { Digest } from '../../oci/digest.ts'
import { rowid, time } from './columns.ts'

/** Manifests by digest: of images, indexes and artifacts. */
export const images = sqliteTable(
  'images',
  {
    id: rowid(),
    digest: text('digest').$type<Digest>().notNull(),
    mediaType: text('media_type').notNull(),
    /** Pull spec by digest of the repository in which the image was first found. */
    dockerImageReference: text('docker_image_reference').notNull(),
    /** The exact bytes that hash to the digest. */
    manifest: blob('manifest', { mode: 'buffer' }).notNull(),
    configDigest: text('config_digest')
      .$type<Digest>()
      .references(() => imageConfigs.digest),
    /** Bytes of manifest, config and distinct layers; null for an index whose children are not all known. */
    size: integer('size'),
    createdAt: time('created_at'),
    os: text('os'),
    architecture: text('architecture'),
    variant: text('variant'),
    /** Platforms of the image, or of all images of the index: `linux/amd64 linux/arm64/v8`, sorted; null when unknown. */
    platforms: text('platforms'),
  },
  (t) => [uniqueIndex('images_by_digest').on(t.digest), index('images_by_config').on(t.configDigest)],
)

/** Configs, separate from manifests: several manifests can share one, and each is fetched once. */
export const imageConfigs = sqliteTable('image_configs', {
  digest: text('digest').$type<Digest>().primaryKey(),
  bytes: blob('bytes', { mode: 'buffer' }).notNull(),
})

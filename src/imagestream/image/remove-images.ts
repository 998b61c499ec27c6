import { eq, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { imageConfigs, images } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import type { Digest } from '../../oci/digest.ts'

/** Removes stored images. */
export type ImageRemoval = ReturnType<typeof createImageRemoval>

export function createImageRemoval(db: Database) {
  const deleteImage = db.orm
    .delete(images)
    .where(eq(images.id, sql.placeholder('id')))
    .prepare()
  const deleteConfig = db.orm
    .delete(imageConfigs)
    .where(eq(imageConfigs.digest, sql.placeholder('digest')))
    .prepare()
  const config = db.orm
    .select({
      bytes: sql<number>`length(${imageConfigs.bytes})`,
      images: sql<number>`(select count(*) from
        (select 1 from images i where i.config_digest = image_configs.digest limit ${sql.placeholder('limit')}))`,
    })
    .from(imageConfigs)
    .where(eq(imageConfigs.digest, sql.placeholder('digest')))
    .prepare()

  /** Returns the bytes of a config that exactly `count` images have; undefined for any other. */
  const configBytes = (digest: Digest, count: number): number | undefined => {
    const found = config.get({ digest, limit: count + 1 })
    return found?.images === count ? found.bytes : undefined
  }
  return {
    configBytes,
    /**
     * Deletes an image, and its config if no other image has it. Returns the bytes of the deleted config; undefined when
     * none was deleted. Throws when a row still refers to the image.
     */
    remove(
      _tx: Transaction,
      { id, configDigest }: { readonly id: number; readonly configDigest: Digest | null },
    ): number | undefined {
      deleteImage.run({ id })
      const bytes = configDigest ? configBytes(configDigest, 0) : undefined
      if (configDigest && bytes !== undefined) deleteConfig.run({ digest: configDigest })
      return bytes
    },
  }
}

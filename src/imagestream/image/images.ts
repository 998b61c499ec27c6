import type { Database } from '../../db/open.ts'
import { columnsOf } from '../../db/statement.ts'
import { type imageConfigs, images as imagesTable } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import type { Digest } from '../../oci/digest.ts'
import { readManifest } from '../../oci/manifest.ts'
import { isIndexType } from '../../oci/media-types.ts'
import {
  type FetchedImage,
  type Image,
  ImageGoneError,
  isComplete,
  isStored,
  type StoredManifest,
} from './image.ts'
import { imageColumns } from './image-columns.ts'
import { createPushedMarks } from './pushed-images.ts'

/** Number of bytes of the manifest or config of an image. */
export interface ContentSize {
  readonly id: number
  readonly size: number
}

/** Stored images, with their manifests and configs. */
export type Images = ReturnType<typeof createImages>

const COLUMNS = columnsOf(imagesTable, 'i', ['manifest', 'configDigest', 'platforms', 'pushed'])

type ConfigBytes = Pick<typeof imageConfigs.$inferSelect, 'bytes'>
type ManifestRow = Pick<typeof imagesTable.$inferSelect, 'manifest' | 'mediaType'>

export function createImages(db: Database) {
  const byDigest = db.prepare<Image>(`select ${COLUMNS} from images i where i.digest = ?`)
  const byIds = db.prepare<Image>(
    `select ${COLUMNS} from images i where i.id in (select value from json_each(?))`,
  )
  const byDigests = db.prepare<Image>(
    `select ${COLUMNS} from images i where i.digest in (select value from json_each(?))`,
  )
  const config = db.prepare<ConfigBytes>('select bytes from image_configs where digest = ?')
  const configs = db.prepare<ConfigBytes & Pick<Image, 'id'>>(
    `select i.id, c.bytes from images i join image_configs c on c.digest = i.config_digest
     where i.id in (select value from json_each(?))`,
  )
  const manifestSizes = db.prepare<ContentSize>(
    'select id, length(manifest) as size from images where id in (select value from json_each(?))',
  )
  const configSizes = db.prepare<ContentSize>(
    `select i.id, length(c.bytes) as size from images i join image_configs c on c.digest = i.config_digest
     where i.id in (select value from json_each(?))`,
  )
  const manifest = db.prepare<ManifestRow>(
    'select manifest, media_type as mediaType from images where digest = ?',
  )
  const manifests = db.prepare<ConfigBytes & Pick<Image, 'id'>>(
    'select id, manifest as bytes from images where id in (select value from json_each(?))',
  )
  const insertConfig = db.prepare('insert or ignore into image_configs (digest, bytes) values (?, ?)')
  const insertImage = db.prepare(`insert into images (digest, media_type, docker_image_reference, manifest,
    config_digest, size, created_at, os, architecture, variant, platforms, kind, artifact_type)
    values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
  const complete = db.prepare(`update images set size = ?, created_at = coalesce(?, created_at), kind = ?,
    artifact_type = ? where id = ?`)

  const relocate = db.prepare('update images set docker_image_reference = ? where id = ?')

  const storedManifest = (digest: Digest): StoredManifest | undefined => {
    const row = manifest.get(digest)
    return row && { bytes: row.manifest, manifest: readManifest(row.manifest, row.mediaType) }
  }

  /** Stores where an image was found, and with it the stored children of an index. */
  const foundAt = (tx: Transaction, image: Image, dockerImageReference: (digest: Digest) => string): void => {
    const reference = dockerImageReference(image.digest)
    if (reference === image.dockerImageReference) return
    relocate.run(reference, image.id)
    const content = isIndexType(image.mediaType) ? storedManifest(image.digest)?.manifest : undefined
    if (content?.kind !== 'index') return
    const children = content.manifests.map(({ digest }) => digest)
    for (const child of byDigests.all(JSON.stringify(children))) foundAt(tx, child, dockerImageReference)
  }

  /**
   * Stores the image, its config and its children where they are not stored yet, and where they were found. Returns the id
   * of the image. Throws ImageGoneError for an image that was stored when it was read and no longer is.
   */
  const store = (
    tx: Transaction,
    image: FetchedImage | Image,
    dockerImageReference: (digest: Digest) => string,
  ): number => {
    if (isStored(image)) {
      // it was read before this transaction: it may have been pruned, and stored again by another import
      const now = byDigest.get(image.digest)
      if (!now || (isComplete(image) && !isComplete(now))) {
        throw new ImageGoneError(`${image.digest} was pruned since it was read`)
      }
      foundAt(tx, now, dockerImageReference)
      return now.id
    }
    for (const child of image.children) store(tx, child, dockerImageReference)
    const old = byDigest.get(image.digest)
    if (old) foundAt(tx, old, dockerImageReference)
    if (old && isComplete(old)) return old.id
    const { mediaType, size, createdAt, kind, artifactType, ...rest } = imageColumns(image, storedManifest)
    if (old) {
      complete.run(size, createdAt, kind, artifactType, old.id)
      return old.id
    }
    if (image.config) insertConfig.run(image.config.digest, image.config.bytes)
    const { digest, bytes } = image
    const content = [mediaType, dockerImageReference(digest), bytes, image.config?.digest ?? null] as const
    const { os, architecture, variant, platforms } = rest
    const run = [os, architecture, variant, platforms] as const
    return insertImage.insert(digest, ...content, size, createdAt, ...run, kind, artifactType)
  }

  return {
    byDigest: (digest: Digest): Image | undefined => byDigest.get(digest),
    byIds: (ids: readonly number[]): Map<number, Image> =>
      new Map(byIds.all(JSON.stringify(ids)).map((image) => [image.id, image])),
    byDigests: (digests: readonly Digest[]): Map<Digest, Image> =>
      new Map(byDigests.all(JSON.stringify(digests)).map((image) => [image.digest, image])),
    /** Returns the numbers of bytes of manifests, by image id; reads none of the bytes. */
    manifestSizes: (ids: readonly number[]): ContentSize[] => manifestSizes.all(JSON.stringify(ids)),
    /** Returns the numbers of bytes of configs; images without a config are missing. Reads none of the bytes. */
    configSizes: (ids: readonly number[]): ContentSize[] => configSizes.all(JSON.stringify(ids)),
    /** Returns the exact bytes of manifests, by image id. */
    manifests: (ids: readonly number[]): Map<number, Uint8Array> =>
      new Map(manifests.all(JSON.stringify(ids)).map(({ id, bytes }) => [id, bytes])),
    /** Returns the exact bytes of configs, by image id; images without a config are missing. */
    configs: (ids: readonly number[]): Map<number, Uint8Array> =>
      new Map(configs.all(JSON.stringify(ids)).map(({ id, bytes }) => [id, bytes])),
    storedManifest,
    storedConfig: (digest: Digest): Uint8Array | undefined => config.get(digest)?.bytes,
    store,
    /** Marks stored images as pushed, and the stored children of indexes. */
    markPushed: createPushedMarks(db, storedManifest),
  }
}

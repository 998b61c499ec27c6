import type { Viewer } from '../../access/right/viewer.ts'
import type { Database } from '../../db/open.ts'
import { probes } from '../../db/search.ts'
import { columnsOf } from '../../db/statement.ts'
import { type imageConfigs, images as imagesTable } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import { type Digest, matchesDigest } from '../../oci/digest.ts'
import { intact } from '../../oci/intact.ts'
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
import { visibleImages, visiblePlaces } from './image-holders.ts'
import { createPushedMarks } from './pushed-images.ts'

/** Number of bytes of the manifest or config of an image. */
export interface ContentSize {
  readonly id: number
  readonly size: number
}

/** Stored images, with their manifests and configs. */
export type Images = ReturnType<typeof createImages>

const COLUMNS = columnsOf(imagesTable, 'i', ['manifest', 'configDigest', 'platforms', 'pushed'])

/** Where an image and its children were found. */
export interface ImageOrigin {
  /** Namespace whose credentials were used, or to which it was pushed. */
  readonly namespace: string
  /** Returns the pull spec by digest. */
  readonly pullSpec: (digest: Digest) => string
}

/** Where a viewer sees an image. */
export interface ImagePlace {
  /** Newest pull spec in a history, of the image or of an index that it came with; null if it is in none. */
  readonly pullSpec: string | null
  /** `namespace/name` of a repository of the integrated registry; null if it is in none. */
  readonly repository: string | null
}

type Content = typeof imageConfigs.$inferSelect
type ManifestRow = Pick<typeof imagesTable.$inferSelect, 'manifest' | 'mediaType'>

export function createImages(db: Database) {
  const byDigest = db.prepare<Image>(`select ${COLUMNS} from images i where i.digest = ?`)
  const byIds = db.prepare<Image>(
    `select ${COLUMNS} from images i where i.id in (select value from json_each(?))`,
  )
  const ofDigests = `select ${COLUMNS} from images i where i.digest in (select value from json_each(?))`
  const byDigests = db.prepare<Image>(ofDigests)
  const isConfirmed = 'exists (select 1 from confirmed_images n where n.image_id = i.id and n.namespace = ?)'
  const confirmed = db.prepare<Image>(`select ${COLUMNS} from images i where i.digest = ? and ${isConfirmed}`)
  const confirmedConfig = db.prepare<Pick<Content, 'bytes'>>(
    `select c.bytes from image_configs c where c.digest = ?
       and exists (select 1 from images i where i.config_digest = c.digest and ${isConfirmed})`,
  )
  const confirm = db.prepare('insert or ignore into confirmed_images (image_id, namespace) values (?, ?)')
  const configs = db.prepare<Content & Pick<Image, 'id'>>(
    `select i.id, c.digest, c.bytes from images i join image_configs c on c.digest = i.config_digest
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
  const manifests = db.prepare<Content & Pick<Image, 'id'>>(
    'select id, digest, manifest as bytes from images where id in (select value from json_each(?))',
  )
  const insertConfig = db.prepare(
    `insert into image_configs (digest, bytes) values (?, ?)
     on conflict do update set bytes = excluded.bytes where bytes <> excluded.bytes`,
  )
  const mend = db.prepare('update images set manifest = ? where id = ? and manifest <> ?')
  const insertImage = db.prepare(`insert into images (digest, media_type, docker_image_reference, manifest,
    config_digest, size, created_at, os, architecture, variant, platforms, kind, artifact_type)
    values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
  const complete = db.prepare(`update images set size = ?, created_at = coalesce(?, created_at), kind = ?,
    artifact_type = ? where id = ?`)

  const insertChildren = db.prepare(
    'insert or ignore into image_children (image_id, index_id) select value, ? from json_each(?)',
  )
  const relocate = db.prepare('update images set docker_image_reference = ? where id = ?')

  const storedManifest = (digest: Digest): StoredManifest | undefined => {
    const row = manifest.get(digest)
    return row && { bytes: intact(digest, row.manifest), manifest: readManifest(row.manifest, row.mediaType) }
  }

  const seen = ({ rights }: Viewer, digests: readonly Digest[]): Image[] => {
    const { where, values } = probes(visibleImages(rights, 'i.id'))
    const found = where.length === 0 ? byDigests : db.prepare<Image>([ofDigests, ...where].join(' and '))
    return found.all(JSON.stringify(digests), ...values)
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
   * Stores the image, its config and its children where they are not stored yet, where they were found, and by which
   * namespace. Returns the id of the image. Throws ImageGoneError for an image that was stored when it was read and no longer is.
   */
  const store = (tx: Transaction, image: FetchedImage | Image, origin: ImageOrigin): number => {
    const id = isStored(image) ? storeAgain(tx, image, origin) : storeFetched(tx, image, origin)
    confirm.run(id, origin.namespace)
    return id
  }

  const storeAgain = (tx: Transaction, image: Image, { pullSpec }: ImageOrigin): number => {
    // it was read before this transaction: it may have been pruned, and stored again by another import
    const now = byDigest.get(image.digest)
    if (!now || (isComplete(image) && !isComplete(now))) {
      throw new ImageGoneError(`${image.digest} was pruned since it was read`)
    }
    foundAt(tx, now, pullSpec)
    return now.id
  }

  const storeFetched = (tx: Transaction, image: FetchedImage, origin: ImageOrigin): number => {
    const children = image.children.map((child) => store(tx, child, origin))
    const id = storeAlone(tx, image, origin)
    if (children.length > 0) insertChildren.run(id, JSON.stringify(children))
    return id
  }

  /** Stores the image without its children, which are stored. */
  const storeAlone = (
    tx: Transaction,
    image: FetchedImage,
    { pullSpec: dockerImageReference }: ImageOrigin,
  ): number => {
    const old = byDigest.get(image.digest)
    if (old) foundAt(tx, old, dockerImageReference)
    if (image.config) insertConfig.run(image.config.digest, image.config.bytes)
    // bytes that were damaged since
    if (old) mend.run(image.bytes, old.id, image.bytes)
    if (old && isComplete(old)) return old.id
    const { mediaType, size, createdAt, kind, artifactType, ...rest } = imageColumns(image, storedManifest)
    if (old) {
      complete.run(size, createdAt, kind, artifactType, old.id)
      return old.id
    }
    const { digest, bytes } = image
    const content = [mediaType, dockerImageReference(digest), bytes, image.config?.digest ?? null] as const
    const { os, architecture, variant, platforms } = rest
    const run = [os, architecture, variant, platforms] as const
    return insertImage.insert(digest, ...content, size, createdAt, ...run, kind, artifactType)
  }

  return {
    /** Returns the image; undefined for an unknown digest, and for an image that the viewer does not see. */
    byDigest: (viewer: Viewer, digest: Digest): Image | undefined =>
      viewer.rights.scopes.length === 0 ? byDigest.get(digest) : seen(viewer, [digest])[0],
    /** Returns the images with these digests that the viewer sees. */
    byDigests: (viewer: Viewer, digests: readonly Digest[]): Map<Digest, Image> =>
      new Map(seen(viewer, digests).map((image) => [image.digest, image])),
    /** Returns the image if the namespace got its content before. */
    confirmed: (namespace: string, digest: Digest): Image | undefined => confirmed.get(digest, namespace),
    /** Returns the exact bytes of a config if the namespace got an image with it before. */
    confirmedConfig(namespace: string, digest: Digest): Uint8Array | undefined {
      const bytes = confirmedConfig.get(digest, namespace)?.bytes
      // a damaged one is fetched again
      return bytes && matchesDigest(bytes, digest) ? bytes : undefined
    },
    /** Returns images to which rows of visible streams refer. */
    byIds: (ids: readonly number[]): Map<number, Image> =>
      new Map(byIds.all(JSON.stringify(ids)).map((image) => [image.id, image])),
    /** Returns the numbers of bytes of manifests, by image id; reads none of the bytes. */
    manifestSizes: (ids: readonly number[]): ContentSize[] => manifestSizes.all(JSON.stringify(ids)),
    /** Returns the numbers of bytes of configs; images without a config are missing. Reads none of the bytes. */
    configSizes: (ids: readonly number[]): ContentSize[] => configSizes.all(JSON.stringify(ids)),
    /** Returns where the viewer sees each of these images, by image id. */
    places(viewer: Viewer, ids: readonly number[]): Map<number, ImagePlace> {
      const { pullSpec, repository, values } = visiblePlaces(viewer.rights)
      const places = db.prepare<ImagePlace & { id: number }>(
        `select o.value as id, ${pullSpec} as pullSpec, ${repository} as repository from json_each(?) o`,
      )
      return new Map(places.all(...values, JSON.stringify(ids)).map(({ id, ...place }) => [id, place]))
    },
    /** Returns the exact bytes of manifests, by image id. */
    manifests: (ids: readonly number[]): Map<number, Uint8Array> =>
      new Map(manifests.all(JSON.stringify(ids)).map(({ id, digest, bytes }) => [id, intact(digest, bytes)])),
    /** Returns the exact bytes of configs, by image id; images without a config are missing. */
    configs: (ids: readonly number[]): Map<number, Uint8Array> =>
      new Map(configs.all(JSON.stringify(ids)).map(({ id, digest, bytes }) => [id, intact(digest, bytes)])),
    storedManifest,
    store,
    /** Marks stored images as pushed, and the stored children of indexes. */
    markPushed: createPushedMarks(db, storedManifest),
  }
}

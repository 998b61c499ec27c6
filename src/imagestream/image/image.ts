import type { Database } from '../../db/open.ts'
import { columnsOf } from '../../db/rows.ts'
import { images as imagesTable } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import { isAttachment } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { parseCreated, parseImageConfig } from '../../oci/image-config.ts'
import { type Manifest, parseManifest } from '../../oci/manifest.ts'
import { formatPlatforms, platformsOfIndex } from '../../oci/platforms.ts'

/** What is known of an image without reading its manifest or config again. */
export type Image = Omit<typeof imagesTable.$inferSelect, 'manifest' | 'configDigest' | 'platforms'>

/** The part of an image that lists of tags bring along. */
export type ImageSummary = Pick<Image, 'id' | 'digest' | 'size' | 'os' | 'architecture' | 'variant'>

/** An image as a registry sent it, not stored yet. */
export interface FetchedImage {
  readonly digest: Digest
  readonly bytes: Uint8Array
  readonly manifest: Manifest
  /** The config's exact bytes; null for an index, and for an artifact that is no container image. */
  readonly config: { readonly digest: Digest; readonly bytes: Uint8Array } | null
  /** Of an index: the children that were fetched with it or are stored. */
  readonly children: readonly (FetchedImage | Image)[]
}

export interface StoredManifest {
  readonly bytes: Uint8Array
  readonly manifest: Manifest
}

/** An image of a dry run: shown like any other, gone with the import that fetched it. */
export type TransientImage = Image & { readonly fetched: FetchedImage }

export interface Images {
  byDigest(digest: Digest): Image | undefined
  byIds(ids: readonly number[]): Map<number, Image>
  byDigests(digests: readonly Digest[]): Map<Digest, Image>
  /** The exact manifest bytes, by image id. */
  manifests(ids: readonly number[]): Map<number, Uint8Array>
  /** The exact config bytes, by image id; images without one are missing. */
  configs(ids: readonly number[]): Map<number, Uint8Array>
  storedManifest(digest: Digest): StoredManifest | undefined
  storedConfig(digest: Digest): Uint8Array | undefined
  /**
   * Stores the image, its config and its children where they are not stored yet. Returns the image's row id. Throws
   * ImageGoneError for one that was stored when it was read and is not any more.
   */
  store(
    tx: Transaction,
    image: FetchedImage | Image,
    dockerImageReference: (digest: Digest) => string,
  ): number
}

/** The image was pruned since it was read, with its bytes: it is to be fetched anew. */
export class ImageGoneError extends Error {
  override readonly name = 'ImageGoneError'
}

/** Whether everything below the image is stored too; of an index that a Legacy import read, it is not. */
export const isComplete = (image: Image): boolean => image.size !== null

export const isStored = (image: FetchedImage | Image): image is Image => 'id' in image

const COLUMNS = columnsOf(imagesTable, 'i', ['manifest', 'configDigest', 'platforms'])

export function createImages(db: Database): Images {
  const byDigest = db.prepare<Image>(`select ${COLUMNS} from images i where i.digest = ?`)
  const insertConfig = db.prepare('insert or ignore into image_configs (digest, bytes) values (?, ?)')
  const config = db.prepare<{ bytes: Uint8Array }>('select bytes from image_configs where digest = ?')
  const insertImage = db.prepare(`insert into images (digest, media_type, docker_image_reference, manifest,
    config_digest, size, created_at, os, architecture, variant, platforms) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
  const manifest = db.prepare<{ bytes: Uint8Array; mediaType: string }>(
    'select manifest as bytes, media_type as mediaType from images where digest = ?',
  )
  const complete = db.prepare('update images set size = ?, created_at = coalesce(?, created_at) where id = ?')
  const byKey = <Key, Row>(rows: readonly Row[], key: (row: Row) => Key): Map<Key, Row> =>
    new Map(rows.map((row) => [key(row), row]))
  const blobs = (text: string, ids: readonly number[]): Map<number, Uint8Array> =>
    new Map(
      db
        .prepare<{ id: number; bytes: Uint8Array }>(text)
        .all(JSON.stringify(ids))
        .map(({ id, bytes }) => [id, bytes]),
    )

  const storedManifest: Images['storedManifest'] = (digest) => {
    const row = manifest.get(digest)
    return row && { bytes: row.bytes, manifest: parseManifest(row.bytes, row.mediaType) }
  }

  const store: Images['store'] = (tx, image, dockerImageReference) => {
    if (isStored(image)) {
      // read before this transaction, it may have been pruned since, and stored again by somebody else
      const now = byDigest.get(image.digest)
      if (!now || (isComplete(image) && !isComplete(now))) {
        throw new ImageGoneError(`${image.digest} was pruned since it was read`)
      }
      return now.id
    }
    for (const child of image.children) store(tx, child, dockerImageReference)
    const known = byDigest.get(image.digest)
    if (known && isComplete(known)) return known.id
    const { platforms, ...columns } = describe(image, storedManifest)
    if (known) {
      complete.run(columns.size, columns.createdAt, known.id)
      return known.id
    }
    if (image.config) insertConfig.run(image.config.digest, image.config.bytes)
    return insertImage.insert(
      image.digest,
      columns.mediaType,
      dockerImageReference(image.digest),
      image.bytes,
      image.config?.digest ?? null,
      columns.size,
      columns.createdAt,
      columns.os,
      columns.architecture,
      columns.variant,
      platforms,
    )
  }

  return {
    byDigest: (digest) => byDigest.get(digest),
    byIds: (ids) =>
      byKey(
        db
          .prepare<Image>(`select ${COLUMNS} from images i where i.id in (select value from json_each(?))`)
          .all(JSON.stringify(ids)),
        (image) => image.id,
      ),
    byDigests: (digests) =>
      byKey(
        db
          .prepare<Image>(
            `select ${COLUMNS} from images i where i.digest in (select value from json_each(?))`,
          )
          .all(JSON.stringify(digests)),
        (image) => image.digest,
      ),
    manifests: (ids) =>
      blobs('select id, manifest as bytes from images where id in (select value from json_each(?))', ids),
    configs: (ids) =>
      blobs(
        `select i.id, c.bytes from images i join image_configs c on c.digest = i.config_digest
         where i.id in (select value from json_each(?))`,
        ids,
      ),
    storedManifest,
    storedConfig: (digest) => config.get(digest)?.bytes,
    store,
  }
}

/** The columns of an image that is not stored; its id is negative and means nothing to the database. */
export function transientImage(fetched: FetchedImage, dockerImageReference: string): TransientImage {
  const { platforms: _, ...columns } = describe(fetched, () => undefined)
  return { id: nextTransientId--, digest: fetched.digest, dockerImageReference, ...columns, fetched }
}
let nextTransientId = -Date.now()

const utf8 = new TextDecoder()

/** What the columns of an image say, from its manifest, config and children. */
function describe(image: FetchedImage, stored: Images['storedManifest']) {
  const { manifest, config } = image
  const run =
    manifest.kind === 'image' && !manifest.artifact && config
      ? parseImageConfig(utf8.decode(config.bytes))
      : null
  const annotated = parseCreated(manifest.annotations['org.opencontainers.image.created'])?.getTime()
  const created = manifest.kind === 'index' ? newest(image.children.map(createdOf)) : run?.created?.getTime()
  return {
    mediaType: manifest.mediaType,
    size: sizeOf(image, stored),
    createdAt: annotated ?? created ?? null,
    os: run?.platform?.os ?? null,
    architecture: run?.platform?.architecture ?? null,
    variant: run?.platform?.variant ?? null,
    platforms:
      manifest.kind === 'index'
        ? platformsOfIndex(manifest)
        : formatPlatforms(run?.platform ? [run.platform] : []),
  }
}

/** When the image was created, by its own account. Milliseconds since 1970; null where it does not say. */
export const createdOf = (image: FetchedImage | Image): number | null =>
  isStored(image) ? image.createdAt : describe(image, () => undefined).createdAt

const newest = (times: readonly (number | null)[]): number | null =>
  times.reduce((latest, time) => (latest === null || (time ?? 0) > latest ? time : latest), null)

/** Bytes of everything that a pull of the whole would bring, each blob once; null where a child is not known. */
function sizeOf(image: FetchedImage, stored: Images['storedManifest']): number | null {
  const content = new Map<Digest, number>([[image.digest, image.bytes.byteLength]])
  const children = new Map(image.children.map((child) => [child.digest, child]))
  const add = (manifest: Manifest): boolean => {
    const parts = manifest.kind === 'index' ? manifest.manifests : [manifest.config, ...manifest.layers]
    for (const part of parts) content.set(part.digest, part.size)
    if (manifest.kind === 'image') return true
    return manifest.manifests.every((descriptor) => {
      if (isAttachment(descriptor)) return true
      const child = children.get(descriptor.digest)
      const known = child && !isStored(child) ? child.manifest : stored(descriptor.digest)?.manifest
      return known !== undefined && add(known)
    })
  }
  return add(image.manifest) ? [...content.values()].reduce((sum, size) => sum + size, 0) : null
}

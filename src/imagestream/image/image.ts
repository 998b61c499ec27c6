import type { images as imagesTable } from '../../db/tables/index.ts'
import type { Platform } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Manifest } from '../../oci/manifest.ts'

/** A stored image, without the bytes of its manifest and config. */
export type Image = Omit<
  typeof imagesTable.$inferSelect,
  'manifest' | 'configDigest' | 'platforms' | 'pushed'
>

/** The columns of an image that lists of tags include. */
export type ImageSummary = Pick<Image, 'id' | 'digest' | 'size' | 'os' | 'architecture' | 'variant'>

/** An image that was fetched from a registry or pushed, and is not stored yet. */
export interface FetchedImage {
  readonly digest: Digest
  readonly bytes: Uint8Array
  readonly manifest: Manifest
  /** Exact bytes of the config; null for an index, and for an artifact that is not a container image. */
  readonly config: { readonly digest: Digest; readonly bytes: Uint8Array } | null
  /** Children of an index that were fetched with it or are stored. */
  readonly children: readonly (FetchedImage | Image)[]
}

/** Exact bytes of a manifest, and the parsed manifest. */
export interface StoredManifest {
  readonly bytes: Uint8Array
  readonly manifest: Manifest
}

/** An image of a dry run, which is kept in memory together with its import. */
export type TransientImage = Image & { readonly fetched: FetchedImage }

/** An image and its bytes were pruned since it was read: the caller fetches it again. */
export class ImageGoneError extends Error {
  override readonly name = 'ImageGoneError'
}

/** Reports whether the image's children are stored too; those of an index that a Legacy import read are not. */
export const isComplete = (image: Image): boolean => image.size !== null

/** Reports whether the image is stored with all its columns. */
export const isStored = (image: FetchedImage | Image): image is Image => 'id' in image

/** Returns the platform that the image runs on; undefined for an index, and for an artifact that is not a container image. */
export const platformOf = ({
  os,
  architecture,
  variant,
}: Pick<Image, 'os' | 'architecture' | 'variant'>): Platform | undefined =>
  os && architecture ? { os, architecture, ...(variant && { variant }) } : undefined

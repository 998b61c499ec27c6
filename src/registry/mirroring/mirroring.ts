import { ForbiddenError, NamespaceRuleError, UnauthenticatedError } from '../../access/right/errors.ts'
import { DigestMismatchError } from '../../blobs/errors.ts'
import type { imageMirrorings, mirroredTags } from '../../db/tables/index.ts'
import { ConflictError, InvalidInputError, NotFoundError } from '../../input/errors.ts'
import { storageFailure } from '../../input/storage-failure.ts'
import type { FailureReason } from '../../oci/failure-reason.ts'
import { InvalidManifestError } from '../../oci/manifest.ts'
import { OciError } from '../../oci/oci-error.ts'
import { formatReference, formatRepository, type Reference } from '../../oci/reference.ts'
import { RegistryError, type RegistryErrorReason } from '../../oci/registry-error.ts'
import { formatRepositoryName } from '../../oci/repository-name.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { TagName } from '../../oci/tag.ts'

/** Copies of images from a registry to another, with their request. Progress is null or 0 until it is known. */
export type ImageMirroring = Omit<
  typeof imageMirrorings.$inferSelect,
  'options' | 'requestedBy' | 'listedAt' | 'toRepository'
> & {
  /** The repository of another registry that gets the images; null for the stream. */
  readonly to: RepositoryReference | null
  /** The stream whose tags are copied; null for a reference in a registry. */
  readonly ofStream: StreamName | null
}

/** An image of a mirroring, with its outcome. */
export type MirroredTag = typeof mirroredTags.$inferSelect

/** Why a mirroring failed. */
export type MirroringFailure =
  | RegistryErrorReason
  | Extract<FailureReason, 'StorageFull' | 'Conflict' | 'ProtectedTag' | 'QuotaExceeded' | 'TooManyTags'>

/** A repository of any registry. */
export type RepositoryReference = Pick<Reference, 'registry' | 'repository'>

/** Options of a mirroring, beside its source and its destination. */
export interface MirroringOptions {
  /** Platforms of an index to copy, for example `linux/arm64`; empty for all. */
  readonly platforms: readonly string[]
  /** Copies signatures, SBOMs and other referrers too. */
  readonly includeReferrers: boolean
  /** Creates the repository where its registry does not do so by itself. */
  readonly createRepository?: boolean
  /** Allows plain HTTP and certificates that do not verify. */
  readonly insecure: boolean
  /** Version of the stream for which the request was made; null for any. */
  readonly resourceVersion: string | null
}

/** An image, and the tag that is to point to it; null copies it by its digest alone. */
export interface MirroredImage {
  readonly source: Reference
  readonly tag: TagName | null
}

/** The tags of a stream or a repository that match a pattern; each image is copied to the tag of its name. */
export interface MirroredTags {
  readonly of: StreamName | RepositoryReference
  readonly pattern: string
}

/** Where images are copied to: a stream of this server, or a repository of another registry. */
export type Destination = StreamName | RepositoryReference

/** A request to copy images. */
export interface MirroringRequest extends MirroringOptions {
  /** Namespace whose credentials are used: that of the stream. */
  readonly namespace: string
  readonly destination: Destination
  readonly images: MirroredImage | MirroredTags
}

export const isRepository = (place: StreamName | RepositoryReference): place is RepositoryReference =>
  'registry' in place

export const isOneImage = (images: MirroringRequest['images']): images is MirroredImage => 'source' in images

/** Returns the repository as users write it: `namespace/name` of this server, or `registry/repository`. */
export const formatPlace = (place: StreamName | RepositoryReference): string =>
  isRepository(place) ? formatRepository(place) : formatRepositoryName(place)

/** Returns the source as users write it. */
export const formatSource = (images: MirroringRequest['images']): string =>
  isOneImage(images) ? formatReference(images.source) : formatPlace(images.of)

/** The pattern matches more tags than one mirroring may have. */
export class TooManyTagsError extends InvalidInputError {
  constructor(maximum: number, work: string) {
    super('tags', `${work} has at most ${maximum} tags: choose fewer with another pattern in "tags"`)
  }
}

/** As many mirrorings wait and run as there may be. */
export class TooManyMirroringsError extends InvalidInputError {
  constructor(maximum: number) {
    super(
      'imageStream',
      `${maximum} mirrorings of the namespace wait or run: repeat the request when some have ended, or cancel those that run`,
    )
  }
}

/** Returns the reason and the message of a failure; undefined for an unforeseen error. */
export function failureOf(
  error: unknown,
): { readonly reason: MirroringFailure; readonly message: string } | undefined {
  if (!(error instanceof Error)) return undefined
  const { message } = error
  if (error instanceof RegistryError) return { reason: error.reason, message }
  const failure = storageFailure(error)
  if (failure === 'read-only') {
    return {
      reason: 'InternalError',
      message: `the server's storage is read-only: make its data folder writable, then repeat the request`,
    }
  }
  if (failure === 'lost') {
    return { reason: 'InternalError', message: "the server's database was removed or replaced: restore it" }
  }
  if (failure === 'full') {
    return {
      reason: 'StorageFull',
      message: `the disk is full: ${message}; free space, or lower --minimum-free-mib`,
    }
  }
  if (error.name === 'AbortError') {
    return { reason: 'RegistryUnavailable', message: 'the copy did not finish within 20 hours' }
  }
  if (error instanceof TooManyTagsError) return { reason: 'TooManyTags', message }
  if (error instanceof ConflictError) return { reason: 'Conflict', message }
  if (error instanceof DigestMismatchError) {
    return { reason: 'InvalidManifest', message: `the registry sent other bytes: ${message}` }
  }
  if (error instanceof NamespaceRuleError) return { reason: error.reason, message }
  if (error instanceof ForbiddenError || error instanceof UnauthenticatedError)
    return { reason: 'Forbidden', message }
  if (error instanceof NotFoundError) return { reason: 'NotFound', message }
  if (error instanceof InvalidManifestError || error instanceof OciError) {
    return { reason: 'InvalidManifest', message }
  }
  return undefined
}

import { ForbiddenError, NamespaceRuleError, UnauthenticatedError } from '../../access/right/errors.ts'
import { DigestMismatchError } from '../../blobs/errors.ts'
import type { imageMirrorings } from '../../db/tables/index.ts'
import { ConflictError, NotFoundError } from '../../input/errors.ts'
import { storageFailure } from '../../input/storage-failure.ts'
import type { FailureReason } from '../../oci/failure-reason.ts'
import { InvalidManifestError } from '../../oci/manifest.ts'
import { OciError } from '../../oci/oci-error.ts'
import type { Reference } from '../../oci/reference.ts'
import { RegistryError, type RegistryErrorReason } from '../../oci/registry-error.ts'
import type { TagName } from '../../oci/tag.ts'

/** A copy of an image from a registry into the integrated one. Progress is null or 0 until it is known. */
export type ImageMirroring = Omit<
  typeof imageMirrorings.$inferSelect,
  'options' | 'requestedBy' | 'reason'
> & {
  readonly reason: MirroringFailure | null
}

/** Why a mirroring failed. */
export type MirroringFailure =
  | RegistryErrorReason
  | Extract<FailureReason, 'StorageFull' | 'Conflict' | 'ProtectedTag' | 'QuotaExceeded'>

/** Options of a mirroring, beside its source and its destination. */
export interface MirroringOptions {
  /** Platforms of an index to copy, for example `linux/arm64`; empty for all. */
  readonly platforms: readonly string[]
  /** Copies signatures, SBOMs and other referrers too. */
  readonly includeReferrers: boolean
  /** Allows plain HTTP and certificates that do not verify. */
  readonly insecure: boolean
  /** Version of the stream for which the request was made; null for any. */
  readonly resourceVersion: string | null
}

/** A request to copy an image. */
export interface MirroringRequest extends MirroringOptions {
  readonly namespace: string
  readonly imageStream: string
  readonly tag: TagName
  readonly source: Reference
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
  if (failure === 'full') {
    return {
      reason: 'StorageFull',
      message: `the disk is full: ${message}; free space, or lower --minimum-free-mib`,
    }
  }
  if (error.name === 'AbortError') {
    return { reason: 'RegistryUnavailable', message: 'the copy did not finish within 20 hours' }
  }
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

/** Failures that another attempt does not change. */
const FINAL: ReadonlySet<RegistryErrorReason> = new Set([
  'NotFound',
  'Unauthorized',
  'Forbidden',
  'ForbiddenTarget',
  'Blocked',
])

/** Reports whether the fetch of a blob may succeed at another attempt: from another mirror, or after an interruption. */
export const isRepeatable = (error: unknown): boolean =>
  error instanceof DigestMismatchError || (error instanceof RegistryError && !FINAL.has(error.reason))

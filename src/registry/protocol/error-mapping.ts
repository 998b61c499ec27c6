import { ForbiddenError, RateLimitedError } from '../../access/right/errors.ts'
import {
  DigestMismatchError,
  UploadBusyError,
  UploadGoneError,
  UploadTooLargeError,
} from '../../blobs/errors.ts'
import { type StorageFailure, storageFailure } from '../../input/storage-failure.ts'
import { OciError } from '../../oci/oci-error.ts'
import { asOciError, UnreadBodyError } from '../../request-body/errors.ts'

/** Maps an error of a request's body, the blob store or the database to the client's error; undefined for an internal error. */
export function toOciError(error: unknown): OciError | undefined {
  if (error instanceof OciError) return error
  if (error instanceof UnreadBodyError) return asOciError(error)
  if (error instanceof RateLimitedError) {
    const headers = { 'Retry-After': error.retryAfterSeconds }
    return new OciError('TOOMANYREQUESTS', error.message, { headers, cause: error })
  }
  if (error instanceof UploadBusyError) {
    const message = 'another request is writing to this upload'
    return new OciError('BLOB_UPLOAD_INVALID', message, { status: 409, cause: error })
  }
  if (error instanceof UploadGoneError) return unknownUpload(error)
  if (error instanceof UploadTooLargeError) {
    const message = 'the blob exceeds the maximum size of this registry; --maximum-blob-gib changes it'
    return new OciError('SIZE_INVALID', message, { status: 413, cause: error })
  }
  if (error instanceof DigestMismatchError) {
    const message = 'the bytes do not match the digest: upload them again'
    return new OciError('DIGEST_INVALID', message, { cause: error })
  }
  if (error instanceof ForbiddenError) return new OciError('DENIED', error.message, { cause: error })
  return ofStorage(storageFailure(error), error)
}

/** Seconds after which a client may repeat a request that found no free file descriptor. */
const RETRY_AFTER = 5

function ofStorage(failure: StorageFailure | undefined, cause: unknown): OciError | undefined {
  const denied = (message: string): OciError => new OciError('DENIED', message, { status: 507, cause })
  switch (failure) {
    case undefined:
      return undefined
    case 'read-only':
      return denied(
        'the storage of the registry is read-only; it kept nothing of this request. Pushes work again once its data folder is writable',
      )
    case 'lost':
      return denied(
        'the database of the registry was removed or replaced; it kept nothing of this request. Its operator has to restore it',
      )
    case 'full':
      return denied(
        'the registry has no space left; it kept nothing of this request. More disk, or a lower --minimum-free-mib, permits it',
      )
    case 'descriptors': {
      const headers = { 'Retry-After': RETRY_AFTER }
      return new OciError('UNKNOWN', 'the registry has no free file descriptor', {
        status: 503,
        headers,
        cause,
      })
    }
  }
}

/** Returns the error for an upload that never existed, is finished or cancelled, or belongs to another repository. */
export const unknownUpload = (cause?: unknown): OciError =>
  new OciError('BLOB_UPLOAD_UNKNOWN', 'there is no such upload: start another one', { cause })

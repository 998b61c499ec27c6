import {
  DigestMismatchError,
  StorageFullError,
  UploadBusyError,
  UploadGoneError,
  UploadTooLargeError,
} from '../../blobs/errors.ts'
import { OciError } from './errors.ts'

/** Maps an error of the blob store or the database to the client's error; undefined for an internal error. */
export function toOciError(error: unknown): OciError | undefined {
  if (error instanceof OciError) return error
  if (error instanceof UploadBusyError) {
    return new OciError('BLOB_UPLOAD_INVALID', 'another request is writing to this upload', {
      status: 409,
      cause: error,
    })
  }
  if (error instanceof UploadGoneError) return unknownUpload(error)
  if (error instanceof UploadTooLargeError) {
    return new OciError('SIZE_INVALID', 'the blob exceeds the maximum size of this registry', {
      status: 413,
      cause: error,
    })
  }
  if (error instanceof DigestMismatchError) {
    return new OciError('DIGEST_INVALID', 'the bytes do not match the digest: upload them again', {
      cause: error,
    })
  }
  if (!isStorageFull(error)) return undefined
  return new OciError('DENIED', 'the registry has no space left; it kept nothing of this request', {
    status: 507,
    cause: error,
  })
}

/** Reports whether a blob or the database found no space on the disk. */
export const isStorageFull = (error: unknown): boolean =>
  error instanceof StorageFullError ||
  (error instanceof Error && 'code' in error && error.code === 'SQLITE_FULL')

/** Error for an upload that never existed, is finished or cancelled, or belongs to another repository. */
export const unknownUpload = (cause?: unknown): OciError =>
  new OciError('BLOB_UPLOAD_UNKNOWN', 'there is no such upload: start another one', { cause })

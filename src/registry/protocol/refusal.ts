import {
  DigestMismatchError,
  UploadBusyError,
  UploadGoneError,
  UploadTooLargeError,
} from '../../blobs/blob-store.ts'
import { OciError } from './errors.ts'
import { explainStorage } from './storage-full.ts'

/** The answer that an error of the store or the database means to a client; undefined when it means none. */
export function refusalOf(error: unknown): OciError | undefined {
  if (error instanceof OciError) return error
  if (error instanceof UploadBusyError) {
    return new OciError('BLOB_UPLOAD_INVALID', 'another request is writing to this upload', {
      status: 409,
      cause: error,
    })
  }
  if (error instanceof UploadGoneError) return unknownUpload(error)
  if (error instanceof UploadTooLargeError) {
    return new OciError('SIZE_INVALID', 'the blob is larger than this registry takes', {
      status: 413,
      cause: error,
    })
  }
  if (error instanceof DigestMismatchError) {
    return new OciError('DIGEST_INVALID', 'the bytes have another digest than was said: upload them again', {
      cause: error,
    })
  }
  const explained = explainStorage(error)
  return explained instanceof OciError ? explained : undefined
}

/** The same for an upload that never was, that is finished or cancelled, and that is another repository's. */
export const unknownUpload = (cause?: unknown): OciError =>
  new OciError('BLOB_UPLOAD_UNKNOWN', 'there is no such upload here: begin another one', { cause })

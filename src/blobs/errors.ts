/** Creates the base class of an error with a constant code. */
const errorOf = <Code extends string>(name: string, code: Code) =>
  class extends Error {
    override readonly name = name
    readonly code = code
  }

/** Another request is writing to the upload. */
export class UploadBusyError extends errorOf('UploadBusyError', 'UPLOAD_BUSY') {}

/** The upload is finished or discarded. */
export class UploadGoneError extends errorOf('UploadGoneError', 'UPLOAD_GONE') {}

/** The receiver closed before the last byte. */
export class ReceiverClosedError extends errorOf('ReceiverClosedError', 'RECEIVER_CLOSED') {}

/** The upload is larger than allowed. */
export class UploadTooLargeError extends errorOf('UploadTooLargeError', 'UPLOAD_TOO_LARGE') {}

/** The bytes do not have the given digest. */
export class DigestMismatchError extends errorOf('DigestMismatchError', 'DIGEST_MISMATCH') {}

/** The disk is full, or has less free space than its reserve. */
export class StorageFullError extends errorOf('StorageFullError', 'STORAGE_FULL') {}

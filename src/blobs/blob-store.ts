import type { Readable, Writable } from 'node:stream'
import type { Digest, DigestAlgorithm } from '../oci/digest.ts'

/** Part of a blob, in bytes: `end` is excluded. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** A store of content-addressed bytes: complete, verified and synced. Callers decide on access. */
export interface BlobStore {
  /** Creates an empty upload into the repository `namespace/name`. Throws StorageFullError. */
  createUpload(repository: string, algorithm: DigestAlgorithm): Promise<Upload>
  /** Returns an unfinished upload, also one from before a restart; undefined for an upload of another repository. */
  upload(repository: string, id: string): Promise<Upload | undefined>
  /** Returns all unfinished uploads. */
  uploads(): Promise<readonly UploadSummary[]>
  /** Opens a blob; undefined when it does not exist. */
  open(digest: Digest): Promise<OpenBlob | undefined>
  /**
   * Removes the bytes unless `isWanted`, which is called while no upload of the digest is between its bytes and its row.
   * Readers that have the blob open can continue. Returns the number of freed bytes.
   */
  remove(digest: Digest, isWanted: () => boolean): Promise<number>
  /** Iterates over all blobs on the disk. */
  stored(): AsyncIterable<{ readonly digest: Digest; readonly size: number }>
}

/** State of an upload. */
export interface UploadSummary {
  readonly id: string
  /** `namespace/name`. */
  readonly repository: string
  /** Bytes received. */
  readonly size: number
  /** Milliseconds since 1970. */
  readonly startedAt: number
  /** When bytes last arrived, in milliseconds since 1970. */
  readonly changedAt: number
}

/** A blob that is being uploaded. */
export interface Upload {
  /** 128 random bits as hexadecimal digits, which cannot be guessed. */
  readonly id: string
  readonly algorithm: DigestAlgorithm
  /** Bytes received, including those of a source that ended early. */
  readonly size: number
  /** Whether `append` or `commit` is in progress: a second writer is refused with UploadBusyError. */
  readonly isBusy: boolean
  /**
   * Appends the whole source. `maxSize` applies to the whole upload. Chunks are not copied, and must not change until this
   * settles.
   * Rejects with UploadBusyError, UploadGoneError, UploadTooLargeError (this append is undone), StorageFullError (the
   * upload is removed), or the source's own error. Leaves a refused source paused; its owner drains or destroys it.
   */
  append(source: Readable | Iterable<Uint8Array>, options: { readonly maxSize: number }): Promise<void>
  /**
   * Turns the upload into a blob: verifies and syncs the bytes, renames the file, syncs the folder, then calls `record` to
   * write the row of the blob. No removal of the digest comes between. Rejects with DigestMismatchError, StorageFullError
   * or the rejection of `record` (the upload is removed then), UploadBusyError or UploadGoneError.
   */
  commit<Result>(digest: Digest, record: (size: number) => Promise<Result>): Promise<Result>
  /** Removes the upload; an append or commit in progress rejects with UploadGoneError. */
  discard(): Promise<void>
  /**
   * Writes a part to a client while the rest is arriving. Holds back the last of the `total` bytes until the commit, so
   * that a complete response has verified bytes. Rejects with ReceiverClosedError when `to` closes, and with the reason
   * when the upload is discarded, its commit fails or an append is undone.
   */
  follow(range: ByteRange, options: { readonly total: number; readonly to: Writable }): Promise<void>
}

/** A blob that is open for reading. */
export interface OpenBlob extends AsyncDisposable {
  /** Bytes. */
  readonly size: number
  /** Writes a part with back-pressure; does not end `to`. Rejects with ReceiverClosedError when `to` closes. */
  send(range: ByteRange, to: Writable): Promise<void>
  /** Reads the whole blob; for small blobs only. */
  read(): Promise<Uint8Array>
}

/** Another request is writing to the upload. */
export class UploadBusyError extends Error {
  override readonly name = 'UploadBusyError'
  readonly code = 'UPLOAD_BUSY'
}

/** The upload is finished or discarded. */
export class UploadGoneError extends Error {
  override readonly name = 'UploadGoneError'
  readonly code = 'UPLOAD_GONE'
}

/** The receiver closed before the last byte. */
export class ReceiverClosedError extends Error {
  override readonly name = 'ReceiverClosedError'
  readonly code = 'RECEIVER_CLOSED'
}

/** The upload is larger than allowed. */
export class UploadTooLargeError extends Error {
  override readonly name = 'UploadTooLargeError'
  readonly code = 'UPLOAD_TOO_LARGE'
}

/** The bytes do not have the given digest. */
export class DigestMismatchError extends Error {
  override readonly name = 'DigestMismatchError'
  readonly code = 'DIGEST_MISMATCH'
}

/** The disk is full, or has less free space than its reserve. */
export class StorageFullError extends Error {
  override readonly name = 'StorageFullError'
  readonly code = 'STORAGE_FULL'
}

import type { Readable, Writable } from 'node:stream'
import type { Digest, DigestAlgorithm } from '../oci/digest.ts'

/** Part of a blob, in bytes: from `start` up to but not including `end`. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** Content-addressed bytes. What it has is whole, verified and synced; who may read it is for others to say. */
export interface BlobStore {
  /** An empty upload into the repository `namespace/name`. Throws StorageFullError. */
  createUpload(repository: string, algorithm: DigestAlgorithm): Promise<Upload>
  /** An upload that is not finished, also one from before a restart; undefined for another repository's. */
  upload(repository: string, id: string): Promise<Upload | undefined>
  /** Every upload that is not finished. */
  uploads(): Promise<readonly UploadSummary[]>
  /** A blob for reading; undefined when it is not here. */
  open(digest: Digest): Promise<OpenBlob | undefined>
  /**
   * Removes the bytes unless `isWanted` says otherwise when it is safe to: no upload of the same digest is between its
   * bytes and its row then. Readers that have it open read on. The bytes that came back, 0 when none.
   */
  remove(digest: Digest, isWanted: () => boolean): Promise<number>
  /** Every blob on the disk, wanted or not. */
  stored(): AsyncIterable<{ readonly digest: Digest; readonly size: number }>
}

export interface UploadSummary {
  readonly id: string
  /** `namespace/name`. */
  readonly repository: string
  /** Bytes received. */
  readonly size: number
  /** Milliseconds since 1970. */
  readonly startedAt: number
  /** When bytes last arrived. */
  readonly changedAt: number
}

/** Bytes on their way into the store. */
export interface Upload {
  /** 32 hexadecimal digits of 128 random bits: nobody guesses another's. */
  readonly id: string
  readonly algorithm: DigestAlgorithm
  /** Bytes received: those of a source that broke off count, as far as they came. */
  readonly size: number
  /** Whether `append` or `commit` is at work: a second writer is refused with UploadBusyError. */
  readonly isBusy: boolean
  /**
   * Appends the source to its end. `maxSize` is for the whole upload. Chunks are not copied: they stay as they are
   * until this settles.
   * Rejects with UploadBusyError, UploadGoneError, UploadTooLargeError (the upload is as it was before this append),
   * StorageFullError (the upload is gone, its space is back), or the source's own error. A source that is refused is
   * left paused: whoever owns it drains or destroys it.
   */
  append(source: Readable | Iterable<Uint8Array>, options: { readonly maxSize: number }): Promise<void>
  /**
   * Makes a blob of it: bytes verified and synced, file renamed, folder synced, then `record` writes the row that makes
   * it known; no removal of the same digest comes between. Rejects with DigestMismatchError, StorageFullError or what
   * `record` rejected with (the upload is gone then), UploadBusyError or UploadGoneError.
   */
  commit<Result>(digest: Digest, record: (size: number) => Promise<Result>): Promise<Result>
  /** Removes it, whatever it is doing: an append or commit at work rejects with UploadGoneError. */
  discard(): Promise<void>
  /**
   * Writes a part to a client while the rest is still arriving. The last byte of the whole (`total` bytes) is held back
   * until it is committed: who has all bytes has verified ones. Rejects with ReceiverClosedError when `to` closes, and
   * with the reason when the upload is discarded, its commit fails or bytes that it had are taken back.
   */
  follow(range: ByteRange, options: { readonly total: number; readonly to: Writable }): Promise<void>
}

export interface OpenBlob extends AsyncDisposable {
  /** Bytes. */
  readonly size: number
  /** Writes a part at the client's pace; does not end `to`. Rejects with ReceiverClosedError when `to` closes. */
  send(range: ByteRange, to: Writable): Promise<void>
  /** The whole, for what is known to be small. */
  read(): Promise<Uint8Array>
}

/** Somebody else is writing to the upload. */
export class UploadBusyError extends Error {
  override readonly name = 'UploadBusyError'
  readonly code = 'UPLOAD_BUSY'
}

/** The upload is finished or discarded: nothing can be added to it. */
export class UploadGoneError extends Error {
  override readonly name = 'UploadGoneError'
  readonly code = 'UPLOAD_GONE'
}

/** Who was to get the bytes has closed before the last of them. */
export class ReceiverClosedError extends Error {
  override readonly name = 'ReceiverClosedError'
  readonly code = 'RECEIVER_CLOSED'
}

/** More bytes than a blob may have. */
export class UploadTooLargeError extends Error {
  override readonly name = 'UploadTooLargeError'
  readonly code = 'UPLOAD_TOO_LARGE'
}

/** The bytes have another digest than was said. */
export class DigestMismatchError extends Error {
  override readonly name = 'DigestMismatchError'
  readonly code = 'DIGEST_MISMATCH'
}

/** The disk is full, or has less than its reserve. */
export class StorageFullError extends Error {
  override readonly name = 'StorageFullError'
  readonly code = 'STORAGE_FULL'
}

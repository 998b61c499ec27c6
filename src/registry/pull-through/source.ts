import type { Readable } from 'node:stream'
import { DigestMismatchError } from '../../blobs/errors.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import { OciError, type OciErrorCode } from '../../oci/oci-error.ts'
import type { Reference } from '../../oci/reference.ts'
import { RegistryError, type RegistryErrorReason } from '../../oci/registry-error.ts'

/** Client of other registries; `app/registry.ts` connects it to `remote`. */
export interface BlobSource {
  /**
   * Resolves when the first bytes have arrived, to a stream of unverified bytes of the descriptor's size. Rejects, and
   * the stream fails, with RegistryError or the signal's reason.
   */
  fetchBlob(
    reference: Pick<Reference, 'registry' | 'repository'>,
    options: BlobSourceOptions,
    descriptor: Pick<Descriptor, 'digest' | 'size'>,
  ): Promise<Readable>
}

export interface BlobSourceOptions {
  /** Allows plain HTTP and certificates that do not verify. */
  readonly insecure: boolean
  /** Queue of the request: connections to a registry are shared fairly between lanes. */
  readonly lane: string
  /** Namespace whose credentials are used. */
  readonly namespace: string
  readonly signal: AbortSignal
}

const RESPONSES: Readonly<Record<RegistryErrorReason, readonly [code: OciErrorCode, status: number]>> = {
  NotFound: ['BLOB_UNKNOWN', 404],
  Unauthorized: ['DENIED', 403],
  Forbidden: ['DENIED', 403],
  ForbiddenTarget: ['UNKNOWN', 502],
  Blocked: ['DENIED', 403],
  InvalidManifest: ['UNKNOWN', 502],
  RegistryUnavailable: ['UNKNOWN', 503],
  QuotaExceeded: ['TOOMANYREQUESTS', 429],
  TooManyRequests: ['UNKNOWN', 503],
  // of pushes only
  Immutable: ['UNKNOWN', 502],
  TooLarge: ['UNKNOWN', 502],
  MissingContent: ['UNKNOWN', 502],
  InternalError: ['UNKNOWN', 502],
}

/** Converts a failure of the source registry to the client's error; returns any other error unchanged. */
export function convertSourceError(error: unknown): unknown {
  if (error instanceof RegistryError) {
    const [code, status] = RESPONSES[error.reason]
    const message = `cannot fetch the blob from its source: ${error.message}`
    return new OciError(code, message, { status, cause: error })
  }
  if (error instanceof DigestMismatchError) {
    const message = 'cannot fetch the blob from its source: the bytes do not match the digest'
    return new OciError('UNKNOWN', message, { status: 502, cause: error })
  }
  return error
}

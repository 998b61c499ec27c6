import { DigestMismatchError } from '../../blobs/blob-store.ts'
import { RegistryError, type RegistryErrorReason } from '../../oci/registry-error.ts'
import { OciError, type OciErrorCode } from '../protocol/errors.ts'

// A client that may pull here is told what it can do something about; the rest is between us and the source.
const ANSWERS: Readonly<Record<RegistryErrorReason, readonly [code: OciErrorCode, status: number]>> = {
  NotFound: ['BLOB_UNKNOWN', 404],
  Unauthorized: ['DENIED', 403],
  Forbidden: ['DENIED', 403],
  ForbiddenTarget: ['UNKNOWN', 502],
  Blocked: ['DENIED', 403],
  InvalidManifest: ['UNKNOWN', 502],
  RegistryUnavailable: ['UNKNOWN', 503],
  TooManyRequests: ['UNKNOWN', 503],
  InternalError: ['UNKNOWN', 502],
}

/** The answer that a source's failure means to a client; what is no failure of a source is given back as it is. */
export function refusalOfSource(error: unknown): unknown {
  if (error instanceof RegistryError) {
    const [code, status] = ANSWERS[error.reason]
    return new OciError(code, `it cannot be had from its source: ${error.message}`, { status, cause: error })
  }
  if (error instanceof DigestMismatchError) {
    const message = 'it cannot be had from its source, which sent other bytes than the digest says'
    return new OciError('UNKNOWN', message, { status: 502, cause: error })
  }
  return error
}

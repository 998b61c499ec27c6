import { DigestMismatchError } from '../../blobs/errors.ts'
import { RegistryError, type RegistryErrorReason } from '../../oci/registry-error.ts'
import { OciError, type OciErrorCode } from '../protocol/errors.ts'

const RESPONSES: Readonly<Record<RegistryErrorReason, readonly [code: OciErrorCode, status: number]>> = {
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

/** Converts a failure of the source registry to the client's error; returns any other error unchanged. */
export function convertSourceError(error: unknown): unknown {
  if (error instanceof RegistryError) {
    const [code, status] = RESPONSES[error.reason]
    return new OciError(code, `cannot fetch the blob from its source: ${error.message}`, {
      status,
      cause: error,
    })
  }
  if (error instanceof DigestMismatchError) {
    const message = 'cannot fetch the blob from its source: the bytes do not match the digest'
    return new OciError('UNKNOWN', message, { status: 502, cause: error })
  }
  return error
}

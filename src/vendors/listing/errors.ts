import { RegistryError } from '../../oci/registry-error.ts'

/** Why a vendor's listing could not be used; stable, the words of a condition. */
export type VendorListingReason =
  | 'Unauthorized'
  | 'Forbidden'
  | 'ForbiddenTarget'
  | 'Blocked'
  | 'NotFound'
  | 'OddShape'
  | 'TooLong'
  | 'TooManyRequests'
  | 'Unavailable'
  | 'InternalError'

/**
 * A vendor's listing cannot be read, or makes no sense. The message is for a person: whose listing, of what, and what
 * came instead; never a credential.
 */
export class VendorListingError extends Error {
  override readonly name = 'VendorListingError'
  readonly code = 'VENDOR_LISTING'
  /** `Docker Hub`. */
  readonly vendor: string
  readonly reason: VendorListingReason

  constructor(vendor: string, reason: VendorListingReason, message: string, cause?: unknown) {
    super(message, { cause })
    this.vendor = vendor
    this.reason = reason
  }
}

/** An answer that arrived and is not of the shape that the vendor's listing has; the message says what about "it". */
export class OddShapeError extends Error {
  override readonly name = 'OddShapeError'
}

/** A listing longer than the limits allow; the message is about "it". */
export class TooLongError extends Error {
  override readonly name = 'TooLongError'
}

/** The error for whatever kept a listing from being read. */
export function vendorListingError(vendor: string, repository: string, cause: unknown): VendorListingError {
  const whose = `the listing of ${repository} by ${vendor}`
  const error = (reason: VendorListingReason, message: string) =>
    new VendorListingError(vendor, reason, message, cause)

  if (cause instanceof OddShapeError) return error('OddShape', `${whose} makes no sense: ${cause.message}`)
  if (cause instanceof TooLongError)
    return error('TooLong', `${whose} was not read to its end: ${cause.message}`)
  if (cause instanceof RegistryError) {
    return error(reasonOf(cause), `${whose} cannot be read: ${cause.message}`)
  }
  return error('InternalError', `${whose} was not read: this server failed`)
}

function reasonOf({ reason, status = 500 }: RegistryError): VendorListingReason {
  // a redirect, or a question that is not understood: it is there, and will say the same again
  if (reason === 'RegistryUnavailable') return status < 500 && status !== 408 ? 'OddShape' : 'Unavailable'
  return reason === 'InvalidManifest' ? 'OddShape' : reason
}

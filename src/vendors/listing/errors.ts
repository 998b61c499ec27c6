import type { FailureReason } from '../../oci/failure-reason.ts'
import { RegistryError } from '../../oci/registry-error.ts'

/** A vendor's listing cannot be read. The message names the vendor, the repository and the cause, never a credential. */
export class VendorListingError extends Error {
  override readonly name = 'VendorListingError'
  readonly code = 'VENDOR_LISTING'
  /** `Docker Hub`. */
  readonly vendor: string
  readonly reason: FailureReason

  constructor(vendor: string, reason: FailureReason, message: string, cause?: unknown) {
    super(message, { cause })
    this.vendor = vendor
    this.reason = reason
  }
}

/** A response does not have the shape of the vendor's listing; the message continues a sentence about the listing. */
export class OddShapeError extends Error {
  override readonly name = 'OddShapeError'
}

/** A listing exceeds the limits; the message continues a sentence about the listing. */
export class TooLongError extends Error {
  override readonly name = 'TooLongError'
}

/** Returns the error for the cause that stopped the reading of a listing. */
export function vendorListingError(vendor: string, repository: string, cause: unknown): VendorListingError {
  const listing = `the listing of ${repository} by ${vendor}`
  const error = (reason: FailureReason, message: string) =>
    new VendorListingError(vendor, reason, message, cause)

  if (cause instanceof OddShapeError) {
    return error('InvalidListing', `${listing} has an unexpected shape: ${cause.message}`)
  }
  if (cause instanceof TooLongError)
    return error('ListingTooLong', `${listing} is too long: ${cause.message}`)
  if (cause instanceof RegistryError) {
    return error(reasonOf(cause), `cannot read ${listing}: ${cause.message}`)
  }
  return error('InternalError', `cannot read ${listing}: internal error of this server`)
}

function reasonOf({ reason, status = 500 }: RegistryError): FailureReason {
  // a redirect or a client error: the API exists, and would respond the same again
  if (reason === 'RegistryUnavailable') return status < 500 && status !== 408 ? 'InvalidListing' : reason
  return reason === 'InvalidManifest' ? 'InvalidListing' : reason
}

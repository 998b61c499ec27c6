import type { RegistryErrorReason } from './registry-error.ts'

/**
 * Why something failed: a request to a registry, an import, a listing, or the check of a signature. Stored in conditions,
 * results of imports and the log of changes; the API has the same words in UPPER_SNAKE_CASE (`FailureReason`).
 */
export type FailureReason =
  | RegistryErrorReason
  // of tests of credentials
  | 'UntrustedTokenServer'
  | 'UnreadableSecret'
  // of imports
  | 'TooManyTags'
  | 'Superseded'
  // of tags that keep their image
  | 'ProtectedTag'
  | 'NoPullRight'
  // of mirrorings
  | 'StorageFull'
  | 'Conflict'
  // of vendors' listings
  | 'InvalidListing'
  | 'ListingTooLong'
  // of lookups of referrers and signatures
  | 'NoImage'
  | 'TooManyLookups'
  | 'TooManyReferrers'
  | 'NoSignature'
  | SignatureFlaw

/** Why a signature is not accepted. */
export type SignatureFlaw =
  | 'Expired'
  | 'WrongIdentity'
  | 'WrongDigest'
  | 'NotLogged'
  | 'Untrusted'
  | 'WrongKey'
  | 'Unsupported'
  | 'Malformed'

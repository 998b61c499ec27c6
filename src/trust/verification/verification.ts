import type { Digest } from '../../oci/digest.ts'
import type { FailureReason } from '../../oci/failure-reason.ts'
import type { ReadFailure } from '../referrer/artifact-reader.ts'
import { bestOf, type SignatureVerdict } from '../signature/verdict.ts'

/** Result for one signature. */
export interface CheckedSignature extends Omit<SignatureVerdict, 'until'> {
  /** Digest of the manifest that contains the signature. */
  readonly digest: Digest
  readonly format: 'COSIGN' | 'SIGSTORE' | 'NOTATION' | null
}

/** Result for the signatures of an image. */
export interface Verification {
  /** Whether the image is signed as its stream requires. */
  readonly status: 'VERIFIED' | 'UNVERIFIED' | 'UNKNOWN' | 'NOT_REQUIRED'
  /** Why it is UNVERIFIED or UNKNOWN. */
  readonly reason: FailureReason | 'Verified' | 'NotRequired'
  /** Readable text. */
  readonly message: string
  /** Signer of the accepted signature; null without one. */
  readonly by: string | null
  /** What was verified: the image itself, the index that contains it, or all images of the index that it is. */
  readonly digests: readonly Digest[]
  readonly signatures: readonly CheckedSignature[]
  /** Milliseconds since 1970; null when nothing was checked. */
  readonly checkedAt: number | null
}

/** Result for the signatures of one digest. */
export interface VerificationOutcome extends Omit<Verification, 'checkedAt'> {
  /** Milliseconds since 1970; null for no end. */
  readonly validUntil: number | null
}

/** Result for one signature, before it is stored. */
export type VerifiedSignature = CheckedSignature & SignatureVerdict

/** Returns the verification of an image whose signatures were not read. */
export const notChecked = (
  status: 'UNKNOWN' | 'NOT_REQUIRED',
  reason: Verification['reason'],
  message: string,
): Verification => ({ status, reason, message, by: null, digests: [], signatures: [], checkedAt: null })

/** Verification of every image of a stream without a policy. */
export const NOT_REQUIRED = notChecked(
  'NOT_REQUIRED',
  'NotRequired',
  'the image stream requires no signatures: set requirements with setImageStreamTrust',
)

/** Signatures in a result, the accepted ones first. */
const MAX_LISTED = 20

interface CheckedImage {
  readonly signatures: readonly VerifiedSignature[]
  readonly failures: readonly ReadFailure[]
  /** Whether all signatures were read. */
  readonly isComplete: boolean
}

/** Returns the outcome: one accepted signature is enough; UNVERIFIED requires that all signatures were read. */
export function outcomeOf(
  image: Digest,
  { signatures, failures, isComplete }: CheckedImage,
): VerificationOutcome {
  const listed = signatures
    .map(({ until: _, ...signature }) => signature)
    .toSorted((a, b) => Number(b.accepted) - Number(a.accepted))
    .slice(0, MAX_LISTED)
  const base = { by: null, digests: [], signatures: listed, validUntil: null }
  const best = bestOf(signatures)
  if (best?.accepted) {
    const { reason, by, until: validUntil } = best
    return {
      ...base,
      status: 'VERIFIED',
      reason,
      message: `signed by ${by}`,
      by,
      digests: [image],
      validUntil,
    }
  }
  const [failure] = failures
  if (failure) return { ...base, status: 'UNKNOWN', ...failure }
  if (!isComplete) {
    const message = 'the image has more referrers than were read, and none of the signatures read is accepted'
    return { ...base, status: 'UNKNOWN', reason: 'TooManyReferrers', message }
  }
  if (!best) {
    return { ...base, status: 'UNVERIFIED', reason: 'NoSignature', message: 'the image has no signature' }
  }
  const count = signatures.length
  const rejected =
    count === 1 ? 'its signature is not accepted' : `none of its ${count} signatures is accepted`
  return { ...base, status: 'UNVERIFIED', reason: best.reason, message: `${rejected}: ${best.message}` }
}

import type { Digest } from '../../oci/digest.ts'
import type { ReadFailure } from '../referrer/artifact-reader.ts'
import { bestOf, type Flaw, type SignatureVerdict } from '../signature/verdict.ts'

/** Whether an image is signed as its stream requires. */
export type VerificationStatus = 'VERIFIED' | 'UNVERIFIED' | 'UNKNOWN' | 'NOT_REQUIRED'

/** Result for one signature. */
export interface CheckedSignature {
  /** Digest of the manifest that contains the signature. */
  readonly digest: Digest
  readonly format: 'COSIGN' | 'SIGSTORE' | 'NOTATION' | null
  readonly accepted: boolean
  readonly reason: string
  readonly message: string
  /** The signer; null when the signature is not accepted. */
  readonly by: string | null
}

/** Result for the signatures of an image. */
export interface Verification {
  readonly status: VerificationStatus
  /** Stable word: `Verified`, `NoSignature`, the reason of a flaw, or why a registry was not read. */
  readonly reason: string
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

/** One signature of an image, and the verdict on it. */
export interface VerifiedSignature {
  readonly digest: Digest
  readonly format: CheckedSignature['format']
  readonly verdict: SignatureVerdict
}

/** Returns the verification of an image whose signatures were not read. */
export const notChecked = (
  status: 'UNKNOWN' | 'NOT_REQUIRED',
  reason: string,
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

export interface OutcomeInput {
  readonly signatures: readonly VerifiedSignature[]
  readonly failures: readonly ReadFailure[]
  /** Whether all signatures were read. */
  readonly isComplete: boolean
}

/** Returns the outcome: one accepted signature is enough; UNVERIFIED requires that all signatures were read. */
export function outcomeOf(
  image: Digest,
  { signatures, failures, isComplete }: OutcomeInput,
): VerificationOutcome {
  const listed = signatures
    .map(checkedSignatureOf)
    .toSorted((a, b) => Number(b.accepted) - Number(a.accepted))
    .slice(0, MAX_LISTED)
  const base = { by: null, digests: [], signatures: listed, validUntil: null }
  const best = bestOf(signatures.map(({ verdict }) => verdict))
  if (best?.ok) {
    const { by, until: validUntil } = best
    const message = `signed by ${by}`
    return { ...base, status: 'VERIFIED', reason: 'Verified', message, by, digests: [image], validUntil }
  }
  const [failure] = failures
  if (failure) return { ...base, status: 'UNKNOWN', ...failure }
  if (!isComplete) {
    const message = 'the image has more referrers than were read, and none of the signatures read is accepted'
    return { ...base, status: 'UNKNOWN', reason: 'IncompleteList', message }
  }
  if (!best) {
    return { ...base, status: 'UNVERIFIED', reason: 'NoSignature', message: 'the image has no signature' }
  }
  const message = rejectionOf(best, signatures.length)
  return { ...base, status: 'UNVERIFIED', reason: best.reason, message }
}

const rejectionOf = ({ message }: Flaw, count: number): string =>
  count === 1
    ? `its signature is not accepted: ${message}`
    : `none of its ${count} signatures is accepted: ${message}`

const checkedSignatureOf = ({ digest, format, verdict }: VerifiedSignature): CheckedSignature =>
  verdict.ok
    ? { digest, format, accepted: true, reason: 'Verified', message: `by ${verdict.by}`, by: verdict.by }
    : { digest, format, accepted: false, reason: verdict.reason, message: verdict.message, by: null }

import type { Digest } from '../../oci/digest.ts'
import type { Failure } from '../referrer/asking.ts'
import { bestOf, type Flaw, type Verdict } from '../signature/verdict.ts'
import type { FetchedSignatures } from './fetch-signatures.ts'

/** Whether an image is signed as its stream asks for. */
export type VerificationStatus = 'VERIFIED' | 'UNVERIFIED' | 'UNKNOWN' | 'NOT_REQUIRED'

/** What was made of one signature. */
export interface CheckedSignature {
  /** Of the manifest that carries it. */
  readonly digest: Digest
  readonly format: 'COSIGN' | 'SIGSTORE' | 'NOTATION' | null
  readonly accepted: boolean
  readonly reason: string
  readonly message: string
  readonly by: string | null
}

/** What is known of an image's signatures. */
export interface Verification {
  readonly status: VerificationStatus
  /** Stable words: `Verified`, `NoSignature`, why a signature does not count, or why a registry was not asked. */
  readonly reason: string
  /** For a person. */
  readonly message: string
  /** Whose signature it is; null where none counts. */
  readonly by: string | null
  /** What was verified: the digest asked about, the index that it is of, or all images of the index that it is. */
  readonly digests: readonly Digest[]
  readonly signatures: readonly CheckedSignature[]
  /** Milliseconds since 1970; null where nothing was checked. */
  readonly checkedAt: number | null
}

/** What one image's signatures add up to, and until when. */
export interface Outcome extends Omit<Verification, 'checkedAt'> {
  readonly validUntil: number | null
}

/** One of an image's signatures, and what the requirements make of it. */
export interface Judged {
  readonly digest: Digest
  readonly format: CheckedSignature['format']
  readonly verdict: Verdict
}

/** Nothing was looked at. */
export const notChecked = (
  status: 'UNKNOWN' | 'NOT_REQUIRED',
  reason: string,
  message: string,
): Verification => ({ status, reason, message, by: null, digests: [], signatures: [], checkedAt: null })

/** For every image of a stream without a policy. */
export const NOT_REQUIRED = notChecked(
  'NOT_REQUIRED',
  'NotRequired',
  'its stream asks for no signature: setImageStreamTrust says which ones to ask for',
)

/** Signatures that are told of, the accepted ones first. */
const MAX_TOLD = 20

/** One signature that counts is enough; that none does is only known when all could be read. */
export function outcomeOf(
  image: Digest,
  judged: readonly Judged[],
  { failures, isComplete }: { readonly failures: readonly Failure[]; readonly isComplete: boolean },
): Outcome {
  const signatures = judged
    .map(told)
    .toSorted((a, b) => Number(b.accepted) - Number(a.accepted))
    .slice(0, MAX_TOLD)
  const base = { by: null, digests: [], signatures, validUntil: null }
  const best = bestOf(judged.map(({ verdict }) => verdict))
  if (best?.ok) {
    const { by, until } = best
    const message = `signed by ${by}`
    return {
      ...base,
      status: 'VERIFIED',
      reason: 'Verified',
      message,
      by,
      digests: [image],
      validUntil: until,
    }
  }
  const [failure] = failures
  if (failure) return { ...base, status: 'UNKNOWN', ...failure }
  if (!isComplete) {
    const message =
      'not all that is attached to it could be read, and no signature among what was read counts'
    return { ...base, status: 'UNKNOWN', reason: 'IncompleteList', message }
  }
  if (!best) {
    return { ...base, status: 'UNVERIFIED', reason: 'NoSignature', message: 'nobody has signed it' }
  }
  return { ...base, status: 'UNVERIFIED', reason: best.reason, message: sentence(best, judged.length) }
}

const sentence = ({ message }: Flaw, count: number): string =>
  count === 1
    ? `its signature does not count: ${message}`
    : `none of its ${count} signatures counts: ${message}`

const told = ({ digest, format, verdict }: Judged): CheckedSignature =>
  verdict.ok
    ? { digest, format, accepted: true, reason: 'Verified', message: `by ${verdict.by}`, by: verdict.by }
    : { digest, format, accepted: false, reason: verdict.reason, message: verdict.message, by: null }

/** A manifest that carries none that could be judged, where that is its own fault. */
export const judgedOfBroken = ({ referrer, flaw }: FetchedSignatures): readonly Judged[] =>
  flaw ? [{ digest: referrer.digest, format: null, verdict: flaw }] : []

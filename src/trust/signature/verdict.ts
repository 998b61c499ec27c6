import type { SignatureFlaw } from '../../oci/failure-reason.ts'

/**
 * Stable words for the result for a signature, the one that says most first: `Verified`, then the flaw that is found last.
 */
const BY_WEIGHT = [
  'Verified',
  'Expired',
  'WrongIdentity',
  'WrongDigest',
  'NotLogged',
  'Untrusted',
  'WrongKey',
  'Unsupported',
  'Malformed',
] as const satisfies readonly ('Verified' | SignatureFlaw)[]

/** Result for one signature. */
export interface SignatureVerdict {
  readonly accepted: boolean
  readonly reason: (typeof BY_WEIGHT)[number]
  /** Of a flaw, with "it" for the signature. */
  readonly message: string
  /** The signer: a key's fingerprint, an identity, or a certificate's subject. Null when the signature is not accepted. */
  readonly by: string | null
  /** End of its validity. Milliseconds since 1970; null for no end. */
  readonly until: number | null
}

/** Why a signature is not accepted. */
export interface Flaw extends SignatureVerdict {
  readonly reason: SignatureFlaw
}

/** Returns the verdict on a signature that is not accepted. */
export const flaw = (reason: SignatureFlaw, message: string): Flaw => ({
  accepted: false,
  reason,
  message,
  by: null,
  until: null,
})

/** Returns the verdict on a signature of the image by a required signer. */
export const acceptedBy = (by: string, until: number | null = null): SignatureVerdict => ({
  accepted: true,
  reason: 'Verified',
  message: `by ${by}`,
  by,
  until,
})

/** Returns the first accepted verdict, or else the flaw that says most; undefined for an empty list. */
export const bestOf = (verdicts: readonly SignatureVerdict[]): SignatureVerdict | undefined =>
  verdicts.toSorted((a, b) => BY_WEIGHT.indexOf(a.reason) - BY_WEIGHT.indexOf(b.reason))[0]

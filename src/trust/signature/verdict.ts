/** Why signatures are not accepted. The flaw that is found last comes first: it says most about a signature. */
const BY_WEIGHT = [
  'Expired',
  'WrongIdentity',
  'WrongDigest',
  'NotLogged',
  'Untrusted',
  'WrongKey',
  'Unsupported',
  'Malformed',
] as const

/** Why a signature is not accepted. Stable words. */
export type FlawReason = (typeof BY_WEIGHT)[number]

/** Result for one signature. */
export type SignatureVerdict = Accepted | Flaw

/** A signature of the image by a required signer. */
export interface Accepted {
  readonly ok: true
  /** The signer: a key's fingerprint, an identity, or a certificate's subject. */
  readonly by: string
  /** End of its validity. Milliseconds since 1970; null for no end. */
  readonly until: number | null
}

/** Why a signature is not accepted. The message has "it" for the signature. */
export interface Flaw {
  readonly ok: false
  readonly reason: FlawReason
  readonly message: string
}

export const flaw = (reason: FlawReason, message: string): Flaw => ({ ok: false, reason, message })

/** Returns the first accepted verdict, or else the flaw that says most; undefined for an empty list. */
export function bestOf(verdicts: readonly SignatureVerdict[]): SignatureVerdict | undefined {
  const accepted = verdicts.find(({ ok }) => ok)
  if (accepted) return accepted
  const flaws = verdicts.filter((verdict): verdict is Flaw => !verdict.ok)
  return flaws.toSorted((a, b) => BY_WEIGHT.indexOf(a.reason) - BY_WEIGHT.indexOf(b.reason))[0]
}

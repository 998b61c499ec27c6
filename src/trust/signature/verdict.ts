/** Why a signature does not count. Stable words. */
export type FlawReason =
  | 'Expired'
  | 'WrongIdentity'
  | 'WrongDigest'
  | 'NotLogged'
  | 'Untrusted'
  | 'WrongKey'
  | 'Unsupported'
  | 'Malformed'

/** The first says most: how far a signature came before it failed. */
const BY_WEIGHT: readonly FlawReason[] = [
  'Expired',
  'WrongIdentity',
  'WrongDigest',
  'NotLogged',
  'Untrusted',
  'WrongKey',
  'Unsupported',
  'Malformed',
]

/** What is made of one signature by one requirement, or by several. */
export type Verdict = Accepted | Flaw

/** It is by whom it should be, about this image. */
export interface Accepted {
  readonly ok: true
  /** Whose it is: a key's fingerprint, an identity, or a certificate's subject. */
  readonly by: string
  /** Until when this holds; null for ever. Milliseconds since 1970. */
  readonly until: number | null
}

/** It does not count; the message says why, for a person. */
export interface Flaw {
  readonly ok: false
  readonly reason: FlawReason
  readonly message: string
}

/** What is wrong with a signature; the message is about "it". */
export const flaw = (reason: FlawReason, message: string): Flaw => ({ ok: false, reason, message })

/** The one that accepts, or else the flaw that says most. Undefined of nothing. */
export function bestOf(verdicts: readonly Verdict[]): Verdict | undefined {
  const accepted = verdicts.find(({ ok }) => ok)
  if (accepted) return accepted
  const flaws = verdicts.filter((verdict): verdict is Flaw => !verdict.ok)
  return flaws.toSorted((a, b) => BY_WEIGHT.indexOf(a.reason) - BY_WEIGHT.indexOf(b.reason))[0]
}

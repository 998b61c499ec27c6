/** Exactly this text, or what a pattern in RE2's syntax matches from end to end. */
export type TextMatch = { readonly exact: string } | { readonly pattern: string }

/** Whose signature is good enough; any one of several. */
export type TrustRequirement =
  /** PEM, SPKI. */
  | { readonly kind: 'COSIGN'; readonly publicKeys: readonly string[] }
  | {
      readonly kind: 'KEYLESS'
      /** Who vouched for the identity: `https://token.actions.githubusercontent.com`. */
      readonly issuer: TextMatch
      readonly subject: TextMatch
      /** JSON text of a sigstore trusted root. */
      readonly trustedRoot: string
    }
  | {
      readonly kind: 'NOTATION'
      /** PEM: one of them is in the signature's chain. */
      readonly certificates: readonly string[]
      /** `x509.subject: C=…, O=…`, or `*`. */
      readonly trustedIdentities: readonly string[]
    }

/** What a stream asks of the signatures of its images. */
export interface TrustPolicy {
  readonly requirements: readonly TrustRequirement[]
  /** Of the requirements: what was verified by others counts no more. */
  readonly version: string
  /** Milliseconds since 1970. */
  readonly updatedAt: number
}

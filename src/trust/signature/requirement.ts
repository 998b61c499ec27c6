/** A text that must be equal, or a pattern in RE2's syntax that must match the whole text. */
export type TextMatch = { readonly exact: string } | { readonly pattern: string }

/** Signatures that are accepted. */
export type TrustRequirement = CosignRequirement | KeylessRequirement | NotationRequirement

/** Signatures by one of these public keys. */
export interface CosignRequirement {
  readonly kind: 'COSIGN'
  /** PEM, SPKI. */
  readonly publicKeys: readonly string[]
}

/** Signatures by an identity, with a certificate of sigstore. */
export interface KeylessRequirement {
  readonly kind: 'KEYLESS'
  /** Issuer of the identity token: `https://token.actions.githubusercontent.com`. */
  readonly issuer: TextMatch
  /** The identity: an e-mail address or the URI of a workflow. */
  readonly subject: TextMatch
  /** JSON text of a sigstore trusted root. */
  readonly trustedRoot: string
}

/** Signatures of notation, by a certificate of one of these authorities. */
export interface NotationRequirement {
  readonly kind: 'NOTATION'
  /** PEM. The signature's chain must contain one of them. */
  readonly certificates: readonly string[]
  /** `x509.subject: C=…, O=…`, or `*`. */
  readonly trustedIdentities: readonly string[]
}

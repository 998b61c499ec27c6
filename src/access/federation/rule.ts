import type { ClaimPatterns } from './claim-patterns.ts'

/** How the keys of an issuer are found that is not reachable by its own name, or not trusted by well-known authorities. */
export interface IssuerSettings {
  /** URL of the JSON Web Key Set; null for the one that the issuer's discovery document names. */
  readonly keysUrl: string | null
  /** PEM certificates that are trusted for requests to the issuer, in addition to the server's; null for none. */
  readonly ca: string | null
}

/** What a token must be like to be accepted. */
export interface TokenRequirements {
  /** The issuer's URL, as its tokens have it in `iss`. */
  readonly issuer: string
  readonly audience: string
  readonly claims: ClaimPatterns
  /** Seconds for which a token is accepted after it was issued. */
  readonly maxLifetime: number
  readonly allowsPullRequests: boolean
}

/** A rule that admits machines by tokens of another issuer. */
export interface FederationRule extends TokenRequirements {
  readonly id: number
  readonly name: string
  readonly settings: IssuerSettings
  /** Milliseconds since 1970, as the other times. */
  readonly createdAt: number
  /** Principal: `user:12`. */
  readonly createdBy: string
  /** Null for a rule that is in force. */
  readonly disabledAt: number | null
  /** Last use, to within a minute; null for never. */
  readonly lastUsedAt: number | null
}

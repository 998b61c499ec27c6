import type { UsedKind } from './last-uses.ts'

/** What a request presents, once it is known to be valid: a principal, and until when it is proven. */
export interface ProvenCredential {
  /** `user:12`, `token:7`, `rule:3`. */
  readonly principal: string
  /** The principal for people. */
  readonly name: string
  /** Milliseconds since 1970; null for a credential that does not expire. */
  readonly expiresAt: number | null
  /** The row whose last use is recorded; undefined for a credential without one. */
  readonly used?: { readonly kind: UsedKind; readonly id: number } | undefined
  /** Reports whether it is still valid, apart from its expiry: neither revoked nor of a suspended person. */
  isValid(): boolean
}

/**
 * One form of bearer tokens. Returns the credential; undefined for a token that is not of this form or not valid. Throws
 * UnauthenticatedError for a token of this form with a reason that its holder may know.
 */
export type BearerForm = (
  token: string,
) => ProvenCredential | undefined | Promise<ProvenCredential | undefined>

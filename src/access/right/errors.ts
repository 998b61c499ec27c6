import { NotFoundError } from '../../input/errors.ts'

/** The viewer lacks a right; the message says which, and who can grant it. */
export class ForbiddenError extends Error {
  override readonly name = 'ForbiddenError'
  readonly code = 'FORBIDDEN'
}

/** A stream that the viewer does not see: for clients the same as a missing one. */
export class HiddenStreamError extends NotFoundError {}

/** The client has used what it may use in a while; a later request is served. */
export class RateLimitedError extends Error {
  override readonly name = 'RateLimitedError'
  readonly code = 'RATE_LIMITED'
  /** Seconds. */
  readonly retryAfterSeconds: number

  constructor(what: string, retryAfterSeconds: number) {
    super(`${what}: repeat this request after ${retryAfterSeconds} seconds`)
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** The operation needs a right that clients without a credential do not have, or the credential is not valid. */
export class UnauthenticatedError extends Error {
  override readonly name = 'UnauthenticatedError'
  readonly code = 'UNAUTHENTICATED'

  constructor(message = 'sign in at /sign-in, or send an access token: Authorization: Bearer ist_…') {
    super(message)
  }
}

/** A rule of the namespace does not allow the change, whatever rights the viewer has; nothing was written. */
export class NamespaceRuleError extends ForbiddenError {
  /** Why: the tag is protected, or a quota is used up. */
  readonly reason: 'ProtectedTag' | 'QuotaExceeded'

  constructor(message: string, reason: NamespaceRuleError['reason']) {
    super(message)
    this.reason = reason
  }
}

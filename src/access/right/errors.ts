/** The viewer lacks a right; the message says which, and who can grant it. */
export class ForbiddenError extends Error {
  override readonly name = 'ForbiddenError'
  readonly code = 'FORBIDDEN'
}

/** The operation needs a right that clients without a credential do not have, or the credential is not valid. */
export class UnauthenticatedError extends Error {
  override readonly name = 'UnauthenticatedError'
  readonly code = 'UNAUTHENTICATED'

  constructor(message = 'sign in, or send an access token: Authorization: Bearer ist_…') {
    super(message)
  }
}

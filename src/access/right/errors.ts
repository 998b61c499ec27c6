import { NotFoundError } from '../../input/errors.ts'

/** The viewer lacks a right; the message says which, and who can grant it. */
export class ForbiddenError extends Error {
  override readonly name = 'ForbiddenError'
  readonly code = 'FORBIDDEN'
}

/** A stream that the viewer does not see: for clients the same as a missing one. */
export class HiddenStreamError extends NotFoundError {}

/** The operation needs a right that clients without a credential do not have, or the credential is not valid. */
export class UnauthenticatedError extends Error {
  override readonly name = 'UnauthenticatedError'
  readonly code = 'UNAUTHENTICATED'

  constructor(message = 'sign in, or send an access token: Authorization: Bearer ist_…') {
    super(message)
  }
}

/** What was given is no credential; the message names what is wrong and allowed, and nothing of what was given. */
export class InvalidCredentialError extends Error {
  override readonly name = 'InvalidCredentialError'
  readonly code = 'INVALID'
  /** The argument. */
  readonly field: string

  constructor(field: string, message: string) {
    super(message)
    this.field = field
  }
}

/** There is no such credential. */
export class UnknownCredentialError extends Error {
  override readonly name = 'UnknownCredentialError'
  readonly code = 'NOT_FOUND'
}

/** What is stored of a credential cannot be opened: it was changed, or sealed with a key that is not here. */
export class BrokenSealError extends Error {
  override readonly name = 'BrokenSealError'
  readonly code = 'BROKEN_SEAL'
}

/** The keys that credentials are sealed with cannot be used; the message says which and why, and nothing of them. */
export class SealingKeyError extends Error {
  override readonly name = 'SealingKeyError'
  readonly code = 'SEALING_KEY'
}

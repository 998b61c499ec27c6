/** What was given cannot be taken; the message names what was wrong and what is allowed. */
export class InvalidInputError extends Error {
  override readonly name = 'InvalidInputError'
  readonly code = 'INVALID'
  /** Path of the argument: `spec.tags.0.from.name`. */
  readonly field: string

  constructor(field: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.field = field
  }
}

/** A write named something that is not there. */
export class NotFoundError extends Error {
  override readonly name = 'NotFoundError'
  readonly code = 'NOT_FOUND'
}

export class AlreadyExistsError extends Error {
  override readonly name = 'AlreadyExistsError'
  readonly code = 'ALREADY_EXISTS'
}

/** The object changed since it was read, or a name means several things; nothing was written. */
export class ConflictError extends Error {
  override readonly name = 'ConflictError'
  readonly code = 'CONFLICT'
}

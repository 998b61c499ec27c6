/** An argument is invalid; the message says what is wrong and what is allowed. */
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

/** Returns the error of an argument. The problem follows its name: `must have 1 to 100 characters`. */
export const invalid = (field: string, problem: string, options?: ErrorOptions): InvalidInputError =>
  new InvalidInputError(field, `${field} ${problem}`, options)

/** The object of a write does not exist. */
export class NotFoundError extends Error {
  override readonly name = 'NotFoundError'
  readonly code = 'NOT_FOUND'
}

/** An object with this name exists already. */
export class AlreadyExistsError extends Error {
  override readonly name = 'AlreadyExistsError'
  readonly code = 'ALREADY_EXISTS'
}

/** The object changed since it was read, or a name is ambiguous; nothing was written. */
export class ConflictError extends Error {
  override readonly name = 'ConflictError'
  readonly code = 'CONFLICT'
}

/** Maximum number of characters of a caller's text in a message. */
const MAX_QUOTED = 100

/** Returns the text in quotation marks, truncated after 100 characters. */
export const quoted = (text: string): string =>
  text.length > MAX_QUOTED ? `"${text.slice(0, MAX_QUOTED)}…"` : `"${text}"`

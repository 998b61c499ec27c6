/** What was given is no configuration; the message names what is wrong and allowed, and no secret. */
export class InvalidConfigurationError extends Error {
  override readonly name = 'InvalidConfigurationError'
  readonly code = 'INVALID'
  /** The argument: `clientCertificate.key`. */
  readonly field: string

  constructor(field: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.field = field
  }
}

/** There is no such configuration. */
export class UnknownConfigurationError extends Error {
  override readonly name = 'UnknownConfigurationError'
  readonly code = 'NOT_FOUND'
}

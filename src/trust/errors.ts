/** What was given is no requirement of signatures; the message names what is wrong and allowed. */
export class InvalidTrustError extends Error {
  override readonly name = 'InvalidTrustError'
  readonly code = 'INVALID'
  /** The argument. */
  readonly field: string

  constructor(field: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.field = field
  }
}

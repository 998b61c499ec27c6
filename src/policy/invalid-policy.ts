/** A policy cannot be taken; the message names what was wrong and what is allowed. */
export class InvalidPolicyError extends Error {
  override readonly name = 'InvalidPolicyError'
  readonly code = 'INVALID'
  /** Path of the field inside the policy: `range`, `filter.pattern`. */
  readonly field: string

  constructor(field: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.field = field
  }
}

/** Characters of somebody's text that a message repeats. */
const SHOWN = 100

/** A text in quotation marks, cut where it is long. */
export const quoted = (text: string): string =>
  text.length > SHOWN ? `"${text.slice(0, SHOWN)}…"` : `"${text}"`

/** The credentials file or a helper cannot be used. The message holds nothing of what is in them. */
export class CredentialsError extends Error {
  override readonly name = 'CredentialsError'
  readonly code = 'CREDENTIALS'
}

/** The file cannot be used as the database; it was not changed. The message says why, and what to do. */
export class DatabaseRefusedError extends Error {
  override readonly name = 'DatabaseRefusedError'
  readonly code = 'DATABASE_REFUSED'
}

/** A stored secret cannot be opened: it was changed, or sealed with a key that this server does not have. */
export class BrokenSealError extends Error {
  override readonly name = 'BrokenSealError'
  readonly code = 'BROKEN_SEAL'
}

/** The sealing keys cannot be used. The message says why, and contains no part of a key. */
export class SealingKeyError extends Error {
  override readonly name = 'SealingKeyError'
  readonly code = 'SEALING_KEY'
}

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

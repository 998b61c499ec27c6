/** The host is blocked by a registry configuration. No connection was opened. */
export class BlockedError extends Error {
  override readonly name = 'BlockedError'

  /** `blockedBy`: `the configuration of quay.io blocks it`. */
  constructor(blockedBy: string) {
    super(blockedBy)
  }
}

/** A rule says that nobody is to be asked there. No connection was opened. */
export class BlockedError extends Error {
  override readonly name = 'BlockedError'

  /** `by`: `the configuration of quay.io blocks it`. */
  constructor(by: string) {
    super(by)
  }
}

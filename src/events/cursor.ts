/** Asked for what follows a cursor that this log cannot tell: dropped by now, or another database's. */
export class CursorExpiredError extends Error {
  override readonly name = 'CursorExpiredError'
  readonly code = 'CURSOR_EXPIRED'
}

/** Text that is no cursor at all. */
export class InvalidCursorError extends Error {
  override readonly name = 'InvalidCursorError'
  readonly code = 'INVALID'
}

/** Opaque to clients: which log, and the last number that they have seen. */
export const encodeCursor = (log: string, sequence: number): string =>
  Buffer.from(`push:${log}:${sequence}`).toString('base64url')

/** Throws InvalidCursorError. */
export function decodeCursor(cursor: string): { log: string; sequence: number } {
  const [, log, digits] =
    /^push:([0-9a-f-]{36}):(\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? []
  // decoding passes over characters that are not base64url
  if (log === undefined || digits === undefined || encodeCursor(log, Number(digits)) !== cursor) {
    throw new InvalidCursorError('this is no cursor of the push log: use the cursor of an ImagePush')
  }
  return { log, sequence: Number(digits) }
}

/** Reading on from the cursor would leave a gap: later pushes were removed, or the cursor is of another database. */
export class CursorExpiredError extends Error {
  override readonly name = 'CursorExpiredError'
  readonly code = 'CURSOR_EXPIRED'
}

/** The text is not a cursor. */
export class InvalidCursorError extends Error {
  override readonly name = 'InvalidCursorError'
  readonly code = 'INVALID'
}

/** Returns the cursor of a position: the identity of the log and a sequence number. Opaque to clients. */
export const encodeCursor = (log: string, sequence: number): string =>
  Buffer.from(`push:${log}:${sequence}`).toString('base64url')

/** Returns the position of a cursor. Throws InvalidCursorError. */
export function decodeCursor(cursor: string): { log: string; sequence: number } {
  const [, log, digits] =
    /^push:([0-9a-f-]{36}):(\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? []
  // decoding ignores characters that are not base64url
  if (log === undefined || digits === undefined || encodeCursor(log, Number(digits)) !== cursor) {
    throw new InvalidCursorError('not a cursor of the push log: use the cursor of an ImagePush')
  }
  return { log, sequence: Number(digits) }
}

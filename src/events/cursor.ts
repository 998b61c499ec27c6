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

/** A position in a log. */
interface Position {
  /** Identity of the log. */
  readonly log: string
  readonly sequence: number
  /** Fingerprint of the entry; null for cursors without one, such as those of earlier versions. */
  readonly fingerprint: string | null
}

/** Returns the cursor of a position, opaque to clients. */
export const encodeCursor = (log: string, sequence: number, fingerprint: string | null = null): string =>
  Buffer.from(`push:${log}:${sequence}${fingerprint === null ? '' : `:${fingerprint}`}`).toString('base64url')

/** Returns the position of a cursor. Throws InvalidCursorError. */
export function decodeCursor(cursor: string): Position {
  const [, log, digits, fingerprint = null] =
    /^push:([0-9a-f-]{36}):(\d{1,15})(?::([\w-]{8}))?$/.exec(Buffer.from(cursor, 'base64url').toString()) ??
    []
  // decoding ignores characters that are not base64url
  if (
    log === undefined ||
    digits === undefined ||
    encodeCursor(log, Number(digits), fingerprint) !== cursor
  ) {
    throw new InvalidCursorError(
      'not a cursor of the change log: use the cursor of an ImagePush or an ImageStreamChange',
    )
  }
  return { log, sequence: Number(digits), fingerprint }
}

import type { Database } from '../db/open.ts'
import { CursorExpiredError, decodeCursor, encodeCursor } from './cursor.ts'
import { createFingerprints } from './fingerprint.ts'

/** The newest entry that the log has had, and the newest that was removed from it; sequences. */
export interface LogBounds {
  readonly last: number
  readonly dropped: number
}

/** Creates the cursors of the log with this identity. */
export function createPositions(db: Database, uid: string, bounds: () => LogBounds) {
  const fingerprintAt = createFingerprints(db)

  const checkPosition = (sequence: number): void => {
    const { last, dropped } = bounds()
    if (sequence > last) {
      throw new CursorExpiredError(
        'the cursor is ahead of this database, which is older than it: start without "since"',
      )
    }
    if (sequence < dropped) {
      throw new CursorExpiredError(
        'changes after this cursor have been removed: read the streams, then start without "since"',
      )
    }
  }

  return {
    /** Throws CursorExpiredError if reading on from the position would leave a gap. */
    checkPosition,

    /** Returns the cursor of a position. It carries a fingerprint of its entry, where the log still has the entry. */
    cursor: (sequence: number): string => encodeCursor(uid, sequence, fingerprintAt(sequence)),

    /** Returns the sequence of a cursor. Throws InvalidCursorError, or CursorExpiredError if reading on would leave a gap. */
    position(cursor: string): number {
      const { log, sequence, fingerprint } = decodeCursor(cursor)
      if (log !== uid)
        throw new CursorExpiredError('the cursor is of another database: start without "since"')
      checkPosition(sequence)
      const actual = fingerprint === null ? null : fingerprintAt(sequence)
      if (actual !== null && actual !== fingerprint) {
        throw new CursorExpiredError(
          'the cursor is of a later state of this database, which was set back: start without "since"',
        )
      }
      return sequence
    },
  }
}

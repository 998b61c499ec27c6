import type { Rights } from '../access/right/rights.ts'
import { CursorExpiredError, type LogCursors, type Position } from './cursor.ts'
import type { FingerprintAt } from './fingerprint.ts'

/** The newest entry that the log has had, and the newest that was removed from it; sequences. */
export interface LogBounds {
  readonly last: number
  readonly dropped: number
}

const AHEAD = 'the cursor is ahead of this database, which is older than it: start without "since"'

/** Creates the cursors of the log with this identity. `readableUntil` is the last position with a readable cursor. */
export function createPositions(
  { uid, cursors, readableUntil }: { uid: string; cursors: LogCursors; readableUntil: number },
  { bounds, fingerprintAt }: { bounds: () => LogBounds; fingerprintAt: FingerprintAt },
) {
  const at = (sequence: number): Position => ({ sequence, fingerprint: fingerprintAt(sequence) })

  const checkPosition = (sequence: number): void => {
    const { last, dropped } = bounds()
    if (sequence > last) throw new CursorExpiredError(AHEAD)
    if (sequence < dropped) {
      throw new CursorExpiredError(
        'changes after this cursor have been removed: read the streams, then start without "since"',
      )
    }
  }

  return {
    /** Throws CursorExpiredError if reading on from the position would leave a gap. */
    checkPosition,

    /** Returns the cursor of a position. It carries a fingerprint of its entry. */
    cursor: (sequence: number): string => cursors.encode(at(sequence)),

    /** Returns a cursor of a position whose entry the viewer may not see. */
    endCursor: ({ rights }: { readonly rights: Pick<Rights, 'scopes'> }, sequence: number): string =>
      rights.scopes.length === 0 ? cursors.encode(at(sequence)) : cursors.encodeSalted(at(sequence)),

    /** Returns the sequence of a cursor. Throws InvalidCursorError, or CursorExpiredError if reading on would leave a gap. */
    position(cursor: string): number {
      const { log, sequence, fingerprint, isReadable } = cursors.decode(cursor)
      if (log !== uid)
        throw new CursorExpiredError('the cursor is of another database: start without "since"')
      // a made-up one must not reveal where the log ends
      if (isReadable && sequence > readableUntil) throw new CursorExpiredError(AHEAD)
      checkPosition(sequence)
      // without a fingerprint: entries that were there before cursors had one, which a backup of this version has, too
      const actual = isReadable && fingerprint === null ? null : fingerprintAt(sequence)
      if (actual !== null && actual !== fingerprint) {
        throw new CursorExpiredError(
          'the cursor is of a later state of this database, which was set back: start without "since"',
        )
      }
      return sequence
    },

    /** Returns the key of an entry in global ids, which does not reveal its sequence. */
    entryKey: (sequence: number): string => cursors.keyOf(at(sequence)),

    /** Returns the sequence of the entry with a key; undefined when the log has no such entry. */
    sequenceOfKey(key: string): number | undefined {
      const position = cursors.positionOfKey(key)
      if (!position || position.fingerprint === null) return undefined
      return fingerprintAt(position.sequence) === position.fingerprint ? position.sequence : undefined
    },
  }
}

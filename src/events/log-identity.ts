import { randomBytes, randomUUID } from 'node:crypto'
import type { Database } from '../db/open.ts'
import { pushLogState } from '../db/tables/index.ts'
import { createCursors, KEY_BYTES } from './cursor.ts'
import type { LogWriters } from './log-writers.ts'
import type { MarkedPosition, PositionMark } from './position-mark.ts'
import type { LogBounds } from './positions.ts'

/** What guards the identity of a log. */
export interface IdentityGuard {
  /** The newest position beside the database. */
  readonly mark: PositionMark
  /** Receives why the log got a new identity. */
  readonly onRenewed: (reason: string) => void
  /** Receives the error when the mark cannot be written, once. */
  readonly onError: (error: unknown) => void
}

interface LogState {
  readonly bounds: () => LogBounds
  readonly writers: LogWriters
  readonly guard: IdentityGuard | undefined
}

/**
 * Returns the identity of the log, its cursors, and a function that marks the newest position, to be called after each commit. A log
 * that went back gets a new identity: what clients have of it, cursors of lost entries for example, would be valid again once as many
 * other entries have been appended.
 */
export function openIdentity(db: Database, { bounds, writers, guard }: LogState) {
  const state = () => db.orm.select().from(pushLogState).get()
  const set = (values: Partial<typeof pushLogState.$inferInsert>): void =>
    void db.transact(() => db.orm.update(pushLogState).set(values).run())
  if (state()?.cursorKey === null) set({ cursorKey: randomBytes(KEY_BYTES), readableUntil: bounds().last })

  const stored = state()
  if (!stored?.cursorKey) throw new Error('the change log has no identity')
  const reason = guard && whyRenewed(guard.mark.read(), { ...stored, last: bounds().last, writers })
  if (reason !== undefined) set(newIdentity())
  const uid = reason === undefined ? stored.uid : (state()?.uid ?? '')
  if (reason !== undefined) guard?.onRenewed(reason)

  let isFailing = false
  const mark = (): void => {
    const { last: sequence } = bounds()
    try {
      guard?.mark.write({ log: uid, sequence, nonce: writers.nonceOf(sequence) })
      isFailing = false
    } catch (error) {
      if (!isFailing) guard?.onError(error)
      isFailing = true
    }
  }
  mark()
  if (guard && !isFailing && !stored.isMarked) set({ isMarked: 1 })
  return { uid, cursors: createCursors(uid, stored.cursorKey), readableUntil: stored.readableUntil, mark }
}

/** Returns the changes that make a log another one, whose mark does not exist yet. */
const newIdentity = () => ({ uid: randomUUID(), isMarked: 0 as const })

/** Gives the log of a database that was restored a new identity: all cursors expire. */
export const renewIdentity = ({ orm, transact }: Database): void =>
  void transact(() => orm.update(pushLogState).set(newIdentity()).run())

interface StoredState {
  readonly uid: string
  readonly isMarked: number
  readonly last: number
  readonly writers: LogWriters
}

/** Returns why the database is not in the state in which this server left it, or a later one; undefined when it is. */
function whyRenewed(
  marked: MarkedPosition | undefined,
  { uid, isMarked, last, writers }: StoredState,
): string | undefined {
  if (!marked)
    return isMarked ? 'the database is a copy: the file with its newest position is not beside it' : undefined
  if (marked.log !== uid) return 'the database is not the one that was here before'
  const { sequence, nonce } = marked
  if (sequence > last)
    return `the database went back: ${sequence} changes were acknowledged, and it has ${last}`
  if (writers.nonceOf(sequence) !== nonce) {
    return `the database went back, and changes were made to it elsewhere: change ${sequence} is another one`
  }
  return undefined
}

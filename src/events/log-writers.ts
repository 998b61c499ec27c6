import { randomBytes } from 'node:crypto'
import { asc } from 'drizzle-orm'
import type { Database } from '../db/open.ts'
import { logWriters } from '../db/tables/index.ts'
import type { Transaction } from '../db/transact.ts'

const NONCE_BYTES = 16

/** The processes that wrote the log. */
export type LogWriters = ReturnType<typeof createLogWriters>

/** Creates the record of the processes that wrote the log, of which this one is the last. */
export function createLogWriters(db: Database) {
  const nonce = randomBytes(NONCE_BYTES).toString('base64url')
  const all = db.orm.select().from(logWriters).orderBy(asc(logWriters.firstSequence)).prepare()
  const add = db.prepare(
    'insert into log_writers (first_sequence, nonce) select ?, ? where not exists (select 1 from log_writers where nonce = ?)',
  )
  let writers = all.all()
  const isNoted = (): boolean => writers.at(-1)?.nonce === nonce
  const reload = (): void => {
    if (!isNoted()) writers = all.all()
  }
  return {
    /** Notes this process with the first entry that it appends, in the same transaction. */
    note(tx: Transaction, sequence: number): void {
      if (isNoted()) return
      add.run(sequence, nonce, nonce)
      tx.afterCommit(reload)
    },

    /** Returns random text of the process that wrote an entry; none for entries of earlier versions. */
    nonceOf: (sequence: number): string =>
      writers.findLast(({ firstSequence }) => firstSequence <= sequence)?.nonce ?? '',
  }
}

import BetterSqlite3 from 'better-sqlite3'
import { DatabaseRefusedError } from './refused-error.ts'

/** Why a file that another process has is refused. */
export const IN_USE = 'is in use by another process: stop that process, or choose another folder with --data'
/** Why a damaged file is refused. */
export const DAMAGED =
  'is damaged, and was not changed: restore it from a backup; imagestreams check shows what is damaged, and what else can be done'

/** Errors of SQLite that the operator can resolve. */
const REFUSALS: readonly (readonly [code: RegExp, why: string])[] = [
  [/^SQLITE_BUSY$/, IN_USE],
  [/^SQLITE_(?:NOTADB$|CORRUPT)/, DAMAGED],
  [
    /^SQLITE_CANTOPEN/,
    'cannot be opened: check that its folder exists and is writable, or choose another one with --data',
  ],
]

/** Returns a DatabaseRefusedError for errors that the operator can resolve, and other errors as they are. */
export function explain(file: string, error: unknown): unknown {
  const code = error instanceof BetterSqlite3.SqliteError ? error.code : ''
  const [, why] = REFUSALS.find(([pattern]) => pattern.test(code)) ?? []
  return why === undefined ? error : new DatabaseRefusedError(`${file} ${why}`, { cause: error })
}

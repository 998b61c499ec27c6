import BetterSqlite3 from 'better-sqlite3'
import { DrizzleError } from 'drizzle-orm'

const FATAL = /^SQLITE_(?:CORRUPT|NOTADB|IOERR)/
const DAMAGE = /^SQLITE_(?:CORRUPT|NOTADB)/

/** Returns the error of SQLite, whose code callers read: Drizzle's `run` of a raw statement wraps it. */
export const withoutWrapper = (error: unknown): unknown =>
  error instanceof DrizzleError && error.cause instanceof BetterSqlite3.SqliteError ? error.cause : error

/** Reports whether the error comes from the database: a transaction in which it happened must end. */
export const isOfDatabase = (error: unknown): boolean =>
  withoutWrapper(error) instanceof BetterSqlite3.SqliteError

const codeOf = (error: unknown): string => (error instanceof BetterSqlite3.SqliteError ? error.code : '')

/** Reports whether the error leaves open what is on disk, or shows that it is damaged. */
export const isFatal = (error: unknown): boolean => FATAL.test(codeOf(withoutWrapper(error)))

/** Reports whether the error shows that the file is damaged. */
export const isDamage = (error: unknown): boolean => DAMAGE.test(codeOf(withoutWrapper(error)))

/** Returns what a fatal error means for the operator. */
export const explainFatal = (error: unknown): string =>
  isDamage(error)
    ? 'the database is damaged: the next start checks it, and refuses it with what can be done'
    : 'cannot know what is on disk after a failed read or write: restart to recover'

/** Methods of a statement that run it. */
const RUNS = ['run', 'get', 'all'] as const

/**
 * Calls `onFatal` with each fatal error of the connection, also of a read: an answer from a damaged file can be wrong. All
 * statements are prepared by this connection, those of Drizzle too.
 */
export function watchForFatal(sqlite: BetterSqlite3.Database, onFatal: (error: unknown) => void): void {
  const watched =
    <Parameters extends unknown[], Result>(run: (...parameters: Parameters) => Result) =>
    (...parameters: Parameters): Result => {
      try {
        return run(...parameters)
      } catch (error) {
        if (isFatal(error)) onFatal(error)
        throw error
      }
    }
  const prepare = watched(sqlite.prepare.bind(sqlite) as (text: string) => BetterSqlite3.Statement<unknown[]>)
  const prepareWatched = (text: string): BetterSqlite3.Statement<unknown[]> => {
    const statement = prepare(text)
    const prototype = Object.getPrototypeOf(statement)
    for (const method of RUNS) {
      // found at each call, so that a test can watch all statements of a process
      const run = (...parameters: unknown[]): never => Reflect.apply(prototype[method], statement, parameters)
      statement[method] = watched(run)
    }
    return statement
  }
  sqlite.prepare = prepareWatched as typeof sqlite.prepare
}

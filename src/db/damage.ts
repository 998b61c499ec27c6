import { existsSync, rmSync, writeFileSync } from 'node:fs'
import BetterSqlite3 from 'better-sqlite3'
import { isDamage } from './sqlite-errors.ts'

/** Bytes up to which a start also compares all indexes with their tables: about half a second. */
const SMALL = 64 * 1024 ** 2
/** Bytes up to which a start reads each page: a few seconds. A larger database is checked while the server runs. */
const MEDIUM = 1024 ** 3
/** Findings that a message has. */
const MAX_FINDINGS = 3

/** Path of the file that exists once damage was found: the next start checks the whole database, however large it is. */
const noteOf = (file: string): string => `${file}-damaged`

/** Notes that the database is damaged. The disk may be unable to store the note: the next start then finds out itself. */
export function noteDamage(file: string, finding: string): void {
  if (file === ':memory:') return
  try {
    writeFileSync(noteOf(file), `${finding}\n`, { mode: 0o600 })
  } catch {}
}

/**
 * Returns what is wrong with the pages, rows and indexes of a database; nothing for one that is whole. `quick` does not compare
 * indexes with their tables.
 */
export function findDamage(sqlite: BetterSqlite3.Database, maximum: number, quick = false): string[] {
  try {
    const found = sqlite.pragma(`${quick ? 'quick_check' : 'integrity_check'}(${maximum})`) as object[]
    return found.map((row) => String(Object.values(row)[0])).filter((text) => text !== 'ok')
  } catch (error) {
    if (!isDamage(error)) throw error
    return [(error as Error).message]
  }
}

/** Returns the error of a database in which a check found damage, as that of a statement. */
export const damageError = (damage: readonly string[]): Error =>
  new BetterSqlite3.SqliteError(damage.slice(0, MAX_FINDINGS).join('; '), 'SQLITE_CORRUPT')

/** Returns what a check at the start finds, which is bounded by the size of the database unless damage was noted before. */
export function findDamageAtStart(sqlite: BetterSqlite3.Database, file: string): string[] {
  const [pages, pageSize] = ['page_count', 'page_size'].map((name) => sqlite.pragma(name, { simple: true }))
  const size = Number(pages) * Number(pageSize)
  const isSuspect = existsSync(noteOf(file))
  if (size > MEDIUM && !isSuspect) return []
  const found = findDamage(sqlite, MAX_FINDINGS, size > SMALL && !isSuspect)
  if (found.length > 0) noteDamage(file, found.join('; '))
  else if (isSuspect) rmSync(noteOf(file), { force: true })
  return found
}

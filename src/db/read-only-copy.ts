import { constants } from 'node:fs'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { sql } from 'drizzle-orm'
import { type Database, type OpenOptions, openDatabase } from './open.ts'

/** A copy of the database that can be read: its disk accepts no writes. */
export interface ReadOnlyCopy {
  /** Accepts writes until `stopWrites`, so that the parts of the server can open; they are lost with the copy. */
  readonly db: Database
  /** Every write from now on throws the error. */
  stopWrites(): void
}

/**
 * Copies the database to the folder for temporary files, and opens the copy: on a disk that is full or read-only SQLite cannot
 * open the original, whose write-ahead log it would have to create or to recover. `refusal` returns the error of a write.
 * Rejects when there is no room for the copy, and as `openDatabase`.
 */
export async function openCopy(
  file: string,
  refusal: () => Error,
  reports: Omit<OpenOptions, 'files'> = {},
): Promise<ReadOnlyCopy> {
  const folder = await mkdtemp(join(tmpdir(), 'imagestreams-read-only-'))
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true })
  try {
    const copy = join(folder, basename(file))
    await copyFile(file, copy, constants.COPYFILE_FICLONE)
    // without it the last commits would be missing
    await copyFile(`${file}-wal`, `${copy}-wal`).catch(unlessMissing)
    let isStopped = false
    const require = (): void => {
      if (isStopped) throw refusal()
    }
    const db = openDatabase(copy, { ...reports, files: { isInPlace: () => true, require } })
    return {
      db: {
        ...db,
        [Symbol.dispose]() {
          db[Symbol.dispose]()
          void remove()
        },
      },
      stopWrites() {
        isStopped = true
        // also those outside of transactions
        db.orm.run(sql`pragma query_only = on`)
      },
    }
  } catch (error) {
    await remove()
    throw error
  }
}

function unlessMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}

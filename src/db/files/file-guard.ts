import { statSync } from 'node:fs'

/**
 * The files of the database were removed or replaced while it was open. What is written now would be in files without a name, and
 * gone with the process.
 */
export class DatabaseLostError extends Error {
  override readonly name = 'DatabaseLostError'
  readonly code = 'DATABASE_LOST'
}

/** Reports whether the open files of a database still have their names. */
export interface FileGuard {
  isInPlace(): boolean
  /** Throws DatabaseLostError. Costs a few microseconds: every transaction calls it. */
  require(): void
}

const IN_MEMORY: FileGuard = { isInPlace: () => true, require: () => {} }

/** Guards the files of an open database. The write-ahead log is guarded from when it first exists. */
export function guardFiles(file: string): FileGuard {
  if (file === ':memory:') return IN_MEMORY
  const paths = [file, `${file}-wal`]
  const known = paths.map(identityOf)
  const isInPlace = (): boolean =>
    paths.every((path, at) => {
      const now = identityOf(path)
      known[at] ??= now
      return known[at] === now
    })
  return {
    isInPlace,
    require() {
      if (!isInPlace()) {
        throw new DatabaseLostError(
          `${file} or its write-ahead log was removed or replaced while the server ran: stop it, restore both files from one backup, and start it`,
        )
      }
    },
  }
}

/** Returns what two files of one name differ in; undefined when there is none. */
function identityOf(path: string): string | undefined {
  const status = statSync(path, { throwIfNoEntry: false })
  return status && `${status.dev}:${status.ino}`
}

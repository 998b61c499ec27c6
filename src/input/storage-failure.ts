/** Why this server cannot write: its disk, the files of its database, or the number of files that it may open. */
export type StorageFailure = 'full' | 'read-only' | 'lost' | 'descriptors'

/** By the codes of errors of the disk, of the database and of the store of blobs. */
const FAILURES: Readonly<Record<string, StorageFailure>> = {
  ENOSPC: 'full',
  EDQUOT: 'full',
  SQLITE_FULL: 'full',
  STORAGE_FULL: 'full',
  EROFS: 'read-only',
  STORAGE_READ_ONLY: 'read-only',
  DATABASE_LOST: 'lost',
  SQLITE_READONLY_DBMOVED: 'lost',
  EMFILE: 'descriptors',
  ENFILE: 'descriptors',
}
const READ_ONLY = /^SQLITE_READONLY(?:_\w+)?$/

/** Errors that are each the cause of the next. */
const MAX_CAUSES = 5

/** Reports why this server cannot write, if that is the cause of the error; undefined for any other error. */
export function storageFailure(error: unknown): StorageFailure | undefined {
  let cause = error
  for (let at = 0; at < MAX_CAUSES && cause instanceof Error; at++) {
    const code = 'code' in cause ? cause.code : undefined
    if (typeof code === 'string') {
      if (Object.hasOwn(FAILURES, code)) return FAILURES[code]
      if (READ_ONLY.test(code)) return 'read-only'
    }
    cause = cause.cause
  }
  return undefined
}

/** Codes of errors of the disk, of the database and of the store of blobs. */
const FULL: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'SQLITE_FULL', 'STORAGE_FULL'])
const READ_ONLY = /^(?:EROFS|SQLITE_READONLY(?:_\w+)?)$/

/** Errors that are each the cause of the next. */
const MAX_CAUSES = 5

/** Reports why this server cannot write, if that is the cause of the error; undefined for any other error. */
export function storageFailure(error: unknown): 'full' | 'read-only' | undefined {
  let cause = error
  for (let at = 0; at < MAX_CAUSES && cause instanceof Error; at++) {
    const code = 'code' in cause ? cause.code : undefined
    if (FULL.has(code)) return 'full'
    if (typeof code === 'string' && READ_ONLY.test(code)) return 'read-only'
    cause = cause.cause
  }
  return undefined
}

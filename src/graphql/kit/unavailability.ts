/** Codes of errors of the disk, of the database and of the store of blobs. */
const FULL: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'SQLITE_FULL', 'STORAGE_FULL'])
const READ_ONLY = /^(?:EROFS|SQLITE_READONLY(?:_\w+)?)$/

/** Errors that are each the cause of the next. */
const MAX_CAUSES = 5

/**
 * Returns why the server cannot write, and what to do, if one of the error's causes is that its storage is full or
 * read-only; undefined for any other error.
 */
export function unavailability(error: unknown): string | undefined {
  let cause = error
  for (let at = 0; at < MAX_CAUSES && cause instanceof Error; at++) {
    const code = 'code' in cause ? cause.code : undefined
    if (FULL.has(code)) {
      return "the server's storage is full: free space on its disk, then repeat the request"
    }
    if (typeof code === 'string' && READ_ONLY.test(code)) {
      return "the server's storage is read-only: make its data folder writable, then repeat the request"
    }
    cause = cause.cause
  }
  return undefined
}

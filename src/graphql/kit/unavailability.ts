import { storageFailure } from '../../input/storage-failure.ts'

const MESSAGES = {
  full: "the server's storage is full: free space on its disk, then repeat the request",
  'read-only': "the server's storage is read-only: make its data folder writable, then repeat the request",
}

/**
 * Returns why the server cannot write, and what to do, if one of the error's causes is that its storage is full or
 * read-only; undefined for any other error.
 */
export function unavailability(error: unknown): string | undefined {
  const failure = storageFailure(error)
  return failure && MESSAGES[failure]
}

import { type StorageFailure, storageFailure } from '../../input/storage-failure.ts'

const MESSAGES: Readonly<Record<StorageFailure, string>> = {
  full: "the server's storage is full: free space on its disk, then repeat the request",
  'read-only': "the server's storage is read-only: make its data folder writable, then repeat the request",
  lost: "the files of the server's database were removed or replaced while it ran: restore them, and start it again",
  descriptors: 'the server has no free file descriptor: raise its limit (ulimit -n), then repeat the request',
}

/**
 * Returns why the server cannot write, and what to do, if one of the error's causes is that its storage is full,
 * read-only or lost, or that it may open no more files; undefined for any other error.
 */
export function unavailability(error: unknown): string | undefined {
  const failure = storageFailure(error)
  return failure && MESSAGES[failure]
}

import { StorageFullError } from '../../blobs/blob-store.ts'
import { OciError } from './errors.ts'

/** Whether there was no room for a blob, or for the database. */
export const isStorageFull = (error: unknown): boolean =>
  error instanceof StorageFullError ||
  (error instanceof Error && 'code' in error && error.code === 'SQLITE_FULL')

/** What a client is told of it, nothing being stored; other errors are given back as they are. */
export const explainStorage = (error: unknown): unknown =>
  isStorageFull(error)
    ? new OciError('DENIED', 'the registry has no space left; nothing of this request was kept', {
        status: 507,
        cause: error,
      })
    : error

import type { Database } from '../../db/open.ts'
import type { Digest } from '../../oci/digest.ts'

/** Milliseconds after which rows that were not renewed are deleted. */
export const KEEP_FOR = 30 * 24 * 60 * 60 * 1000

export interface CacheTableDependencies {
  readonly db: Database
  /** Receives write errors: a result is returned even when it cannot be cached, on a full disk say. */
  readonly onWriteError: (error: unknown) => void
}

/** The columns that identify an image in the cache tables. */
export interface CachedImageKey {
  /** Namespace whose credentials were used; empty for the server's own. */
  readonly namespace: string
  /** `registry/repository`. */
  readonly repository: string
  readonly digest: Digest
}

/** Writes to a cache table in one transaction. Does not throw. */
export function writeCache({ db, onWriteError }: CacheTableDependencies, write: () => void): void {
  try {
    db.transact(write)
  } catch (error) {
    onWriteError(error)
  }
}

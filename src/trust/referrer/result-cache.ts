import { and, eq, lt } from 'drizzle-orm'
import type { AnySQLiteColumn, SQLiteTable } from 'drizzle-orm/sqlite-core'
import type { Database } from '../../db/open.ts'
import type { Digest } from '../../oci/digest.ts'

/** Milliseconds after which rows that were not renewed are deleted. */
const KEEP_FOR = 30 * 24 * 60 * 60 * 1000

export interface ResultCacheDependencies {
  readonly db: Database
  /** Receives write errors: a result is returned even when it cannot be cached, on a full disk say. */
  readonly onWriteError: (error: unknown) => void
}

/** The columns that identify an image in the cache tables. */
export interface CachedImage {
  /** Namespace whose credentials were used; empty for the server's own. */
  readonly namespace: string
  /** `registry/repository`. */
  readonly repository: string
  readonly digest: Digest
}

/**
 * Creates the reads and writes of a table with cached results about images. `variant` is the column that, with the image,
 * identifies a row; `renewedAt` has the time of the last result.
 */
export function createResultCache<Row extends CachedImage & Record<string, unknown>>(
  { db, onWriteError }: ResultCacheDependencies,
  columns: SQLiteTable & Record<keyof CachedImage | keyof Row, AnySQLiteColumn>,
  { variant, renewedAt }: { readonly variant: keyof Row; readonly renewedAt: keyof Row },
) {
  const table: SQLiteTable & Record<keyof CachedImage, AnySQLiteColumn> = columns
  const target = [table.namespace, table.repository, table.digest, columns[variant]]
  return {
    find(key: CachedImage & Partial<Row>): Row | undefined {
      const values = [key.namespace, key.repository, key.digest, key[variant]]
      const hasKey = and(...target.map((column, at) => eq(column, values[at])))
      const row = db.orm.select().from(table).where(hasKey).get()
      if (!row) return undefined
      const { id: _, ...result } = row
      return result as Row
    },

    /** Returns all rows of an image. */
    ofImage(image: CachedImage): Row[] {
      const { namespace, repository, digest } = table
      const isOfImage = and(
        eq(namespace, image.namespace),
        eq(repository, image.repository),
        eq(digest, image.digest),
      )
      return db.orm.select().from(table).where(isOfImage).all() as Row[]
    },

    /** Saves a row, of which an existing one gets the columns in `change`, and deletes old rows. Does not throw. */
    save(row: Row, change: Partial<Row> = row): void {
      const isOld = lt(columns[renewedAt], Number(row[renewedAt]) - KEEP_FOR)
      try {
        db.transact(() => {
          db.orm.insert(table).values(row).onConflictDoUpdate({ target, set: change }).run()
          db.orm.delete(table).where(isOld).run()
        })
      } catch (error) {
        onWriteError(error)
      }
    },
  }
}

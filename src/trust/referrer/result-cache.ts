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

type CacheTable = SQLiteTable & Record<keyof CachedImage, AnySQLiteColumn>

/** Cached results about images. `Variant` is the column that, with the image, identifies a row of the table. */
export class ResultCache<Variant extends string, Result extends object> {
  readonly #dependencies: ResultCacheDependencies
  readonly #table: CacheTable
  readonly #variant: Variant
  readonly #variantColumn: AnySQLiteColumn
  readonly #renewedAt: AnySQLiteColumn<{ data: number }>

  constructor(
    dependencies: ResultCacheDependencies,
    table: CacheTable & Record<Variant, AnySQLiteColumn>,
    columns: { readonly variant: Variant; readonly renewedAt: AnySQLiteColumn<{ data: number }> },
  ) {
    this.#dependencies = dependencies
    this.#table = table
    this.#variant = columns.variant
    this.#variantColumn = table[columns.variant]
    this.#renewedAt = columns.renewedAt
  }

  find(key: CachedImage & Record<Variant, string>): Result | undefined {
    const table = this.#table
    const hasKey = and(
      eq(table.namespace, key.namespace),
      eq(table.repository, key.repository),
      eq(table.digest, key.digest),
      eq(this.#variantColumn, key[this.#variant]),
    )
    const row = this.#dependencies.db.orm.select().from(table).where(hasKey).get()
    if (!row) return undefined
    const { id: _, ...result } = row
    return result as Result
  }

  /** Saves a result, of which an existing row gets the columns in `change`, and deletes old rows. Does not throw. */
  save(
    key: CachedImage & Record<Variant, string>,
    result: Result,
    { now, change = result }: { readonly now: number; readonly change?: Partial<Result> },
  ): void {
    const { db, onWriteError } = this.#dependencies
    const table = this.#table
    const target = [table.namespace, table.repository, table.digest, this.#variantColumn]
    const values = { ...result, ...key }
    try {
      db.transact(() => {
        db.orm.insert(table).values(values).onConflictDoUpdate({ target, set: change }).run()
        db.orm
          .delete(table)
          .where(lt(this.#renewedAt, now - KEEP_FOR))
          .run()
      })
    } catch (error) {
      onWriteError(error)
    }
  }
}

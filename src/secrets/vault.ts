import { asc, count, eq, ne, type SQL } from 'drizzle-orm'
import type { AnySQLiteColumn, SQLiteTable } from 'drizzle-orm/sqlite-core'
import type { Database } from '../db/open.ts'
import type { Sealed } from './sealer.ts'

/** A table with one sealed secret a row. */
export type SealedTable = SQLiteTable & {
  readonly id: AnySQLiteColumn<{ data: number; notNull: true }>
  readonly keyId: AnySQLiteColumn<{ data: string; notNull: true }>
  readonly sealed: AnySQLiteColumn<{ data: Uint8Array; notNull: true }>
}

/** One sealed secret of a table. */
export interface SealedSecret {
  /** Id of its row. */
  readonly id: number
  /** For messages: `the credential of team for quay.io`. */
  readonly name: string
  readonly sealed: Sealed
  /** The strings that the seal is bound to: it opens only with the same ones. */
  readonly boundTo: readonly string[]
}

/** The sealed secrets of one table, as its owner describes them. */
export interface Vault {
  /** Noun for one of them in messages: `registry credential`. */
  readonly noun: string
  readonly table: SealedTable
  /** Returns the secrets of the rows that meet the condition, by id. */
  readonly secrets: (where: SQL) => readonly SealedSecret[]
}

/** Number of secrets that one key sealed. */
export interface KeyUse {
  readonly keyId: string
  readonly count: number
}

/** Returns how many secrets of the table each key sealed, by key id. */
export const keysInUse = ({ orm }: Database, { table }: Vault): KeyUse[] =>
  orm
    .select({ keyId: table.keyId, count: count() })
    .from(table)
    .groupBy(table.keyId)
    .orderBy(asc(table.keyId))
    .all()

/** Returns the secrets of the table that another key than this one sealed. */
export const sealedByOtherKeys = ({ table, secrets }: Vault, keyId: string): readonly SealedSecret[] =>
  secrets(ne(table.keyId, keyId))

export function replaceSealed({ orm }: Database, { table }: Vault, id: number, sealed: Sealed): void {
  orm.update(table).set({ keyId: sealed.keyId, sealed: sealed.bytes }).where(eq(table.id, id)).run()
}

/** Deletes the rows whose secret the key sealed. Returns their number. */
export const deleteSealedBy = ({ orm }: Database, { table }: Vault, keyId: string): number =>
  orm.delete(table).where(eq(table.keyId, keyId)).run().changes

import { type AnySQLiteColumn, blob, integer, text } from 'drizzle-orm/sqlite-core'
import type { FailureReason } from '../../oci/failure-reason.ts'

// Columns have the types that SQLite stores, so that Drizzle and prepared statements return equal rows.

/** An integer key; the key of a deleted row is not reused. */
export const rowid = () => integer('id').primaryKey({ autoIncrement: true })

/** Milliseconds since 1970. */
export const time = (name: string) => integer(name)

/** 1 for true. */
export const flag = (name: string) => integer(name).$type<0 | 1>().notNull()

/** JSON text: `[{"key":…,"value":…}]`, in the order of the input. */
export const keyValues = (name: string) => text(name).notNull()

/** Part of an index that is imported. */
export const importMode = () => text('import_mode', { enum: ['Legacy', 'PreserveOriginal'] }).notNull()

/** Why something failed. */
export const failureReason = (name: string) => text(name).$type<FailureReason>()

/** Why a tag was removed. */
export const REMOVAL_REASONS = ['UNTAGGED', 'DELETED_IN_REGISTRY', 'STREAM_DELETED'] as const

/** What a condition of a stream or of a tag says, as in Kubernetes. */
export const conditionColumns = () => ({
  type: text('type', { enum: ['ImportSuccess', 'PolicyChoice', 'VendorListing'] }).notNull(),
  status: text('status', { enum: ['True', 'False', 'Unknown'] }).notNull(),
  reason: failureReason('reason').notNull(),
  message: text('message').notNull(),
  lastTransitionTime: time('last_transition_time').notNull(),
  /** Generation of the spec to which it applies: of the spec tag, or of the stream's repository. */
  generation: integer('generation').notNull(),
})

/** Key of a row of another table, which cannot be deleted while this row exists. */
export const keyOf = (name: string, key: () => AnySQLiteColumn) => integer(name).notNull().references(key)

/** Key of the row to which this one belongs, and with which it is deleted. */
export const ownerKey = (name: string, key: () => AnySQLiteColumn) =>
  integer(name).notNull().references(key, { onDelete: 'cascade' })

/** A secret that can be opened only with its key, and only in its own row. */
export const sealed = () => blob('sealed', { mode: 'buffer' }).$type<Uint8Array>().notNull()

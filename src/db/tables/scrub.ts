import { sql } from 'drizzle-orm'
import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { Digest } from '../../oci/digest.ts'
import { rowid, time } from './columns.ts'

/** Passes of the scrub over all that is stored, of which the last few are kept. */
export const scrubPasses = sqliteTable('scrub_passes', {
  id: rowid(),
  startedAt: time('started_at').notNull(),
  /** Null while it runs, and while the server is stopped. */
  finishedAt: time('finished_at'),
  /** When all of the database was checked; null before. */
  databaseCheckedAt: time('database_checked_at'),
  /** Blobs up to this digest, in byte order, are checked; empty before the first. */
  position: text('position').$type<Digest | ''>().notNull(),
  /** Checked blobs and their bytes. */
  blobCount: integer('blob_count').notNull(),
  size: integer('size').notNull(),
})

/** Content that was found damaged or lost. */
export const storageFindings = sqliteTable(
  'storage_findings',
  {
    id: rowid(),
    content: text('content', { enum: ['BLOB', 'MANIFEST', 'CONFIG'] }).notNull(),
    digest: text('digest').$type<Digest>().notNull(),
    /** Bytes that it has when it is whole. */
    size: integer('size').notNull(),
    problem: text('problem', { enum: ['MISSING', 'TRUNCATED', 'DAMAGED', 'UNREADABLE'] }).notNull(),
    foundAt: time('found_at').notNull(),
    /** File in the quarantine folder with the damaged bytes; null without one. */
    quarantined: text('quarantined'),
    /** When it was found whole again, or no longer needed; null before. */
    endedAt: time('ended_at'),
    /** How it ended; null before. */
    ending: text('ending', { enum: ['FETCHED', 'REPLACED', 'REMOVED'] }),
    /** Why it could not be fetched from a source; null without a known source, and before an attempt. */
    message: text('message'),
  },
  (t) => [
    index('storage_findings_open').on(t.content, t.digest).where(sql`ended_at is null`),
    index('storage_findings_by_end').on(t.endedAt, t.id),
  ],
)

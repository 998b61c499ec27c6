import { integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'
import { failureReason, flag, ownerKey, rowid, time } from './columns.ts'
import { imports } from './import.ts'
import { imageStreams } from './stream.ts'
import { tags } from './tag.ts'

/** State of watching a stream's repository through its vendor's tag listing. */
export const repositoryWatches = sqliteTable('repository_watches', {
  streamId: integer('stream_id')
    .primaryKey()
    .references(() => imageStreams.id, { onDelete: 'cascade' }),
  /** The stream's `repository_generation` to which the row applies; the row is void for another one. */
  generation: integer('generation').notNull(),
  /** Vendor of the listing; null when none is known. */
  vendor: text('vendor'),
  checkedAt: time('checked_at'),
  checkedBy: text('checked_by', { enum: ['LISTING', 'FULL_SWEEP'] }),
  /** When every tag was last requested (full scan); null when the next import must do so. */
  fullScanAt: time('swept_at'),
  /** Total number of tags in the vendor's listing. */
  total: integer('total'),
  /** Fingerprints of the first page's entries, to recognize it; null when the listing must be read completely. */
  marks: text('marks'),
  setAsideUntil: time('set_aside_until'),
  /** Why the last use of the listing failed; null when it succeeded. */
  reason: failureReason('reason'),
  message: text('message'),
  failingSince: time('failing_since'),
})

/**
 * Entries of a vendor's listing that the registry itself contradicted. The tag is not requested again while the listing
 * is the same.
 */
export const tagClaims = sqliteTable(
  'tag_claims',
  {
    streamId: ownerKey('stream_id', () => imageStreams.id),
    tag: text('tag').$type<TagName>().notNull(),
    digest: text('digest').$type<Digest>(),
    /** Time by the vendor's clock. */
    changedAt: time('changed_at'),
  },
  (t) => [primaryKey({ columns: [t.streamId, t.tag] })],
)

/** Past images of tags that only a vendor's listing or a document reported. */
export const reportedMoves = sqliteTable(
  'reported_moves',
  {
    id: rowid(),
    tagId: ownerKey('tag_id', () => tags.id),
    digest: text('digest').$type<Digest>().notNull(),
    /** Both times by the clock of the vendor, or of the cluster whose document it is. */
    fromAt: time('from_at').notNull(),
    /** The start of an open move, whose end is the start of the next image. */
    untilAt: time('until_at').notNull(),
    /** 1 for the newest entry of a document, whose end is not reported. */
    isOpen: flag('is_open').default(0),
    /** Name of the vendor, or of the kind of document. */
    vendor: text('vendor').notNull(),
  },
  (t) => [uniqueIndex('reported_moves_of_tag').on(t.tagId, t.fromAt, t.digest)],
)

/** Pages of a tag list that an unfinished import has read; a restarted server continues after them. */
export const importListings = sqliteTable(
  'import_listings',
  {
    importId: ownerKey('import_id', () => imports.id),
    /** From 1. */
    page: integer('page').notNull(),
    /** JSON text: tag names. */
    names: text('names').notNull(),
    /** The registry's link to the next page. */
    next: text('next').notNull(),
    readAt: time('read_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.importId, t.page] })],
)
